// What every build of the package does once it runs: one real paid call, and what it cost.
export async function buy({ createFetch, receiptOf, decodeInvoice }, base, shop) {
  try {
    const fetch = globalThis.fetch;
    const pay = createFetch({
      wallet: async ({ paymentRequest }) =>
        (await fetch(`${base}/wallet/${shop}/pay`, { method: "POST", body: paymentRequest })).json(),
      limits: { perPayment: 20 },
      networks: ["regtest"],
    });
    const response = await pay(`${base}/shop/${shop}/thing?price=10`);
    const receipt = receiptOf(response);
    await decodeInvoice("lnbc1").then(
      () => {
        throw new Error("lnbc1 was taken for an invoice");
      },
      (error) => {
        if (error.code !== "invalid_invoice") throw error;
      },
    );
    return {
      status: response.status,
      bought: (await response.json()).bought === new URL(response.url).pathname,
      amountMsat: receipt?.payment.amountMsat,
      paidNow: receipt?.paidNow,
    };
  } catch (error) {
    return { code: error?.code, error: `${error?.message ?? error}`, stack: error?.stack };
  }
}
