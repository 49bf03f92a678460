// What each project does once it runs: one paid call, what it cost, and how an error shows itself.
exports.buy = async function buy(
  { createFetch, receiptOf, L402Error },
  base,
  shop,
  { settings = "", ...options } = {},
) {
  try {
    const fetch = globalThis.fetch;
    const pay = createFetch({
      wallet: async ({ paymentRequest }) =>
        (await fetch(`${base}/wallet/${shop}/pay`, { method: "POST", body: paymentRequest })).json(),
      limits: { perPayment: 20 },
      networks: ["regtest"],
      ...options,
    });
    const response = await pay(`${base}/shop/${shop}/thing?price=10${settings}`);
    const { bought } = await response.json();
    const { payment, paidNow } = receiptOf(response);
    return {
      status: response.status,
      bought,
      amountMsat: payment.amountMsat,
      paidNow,
      spent: (await pay.spent()).total,
    };
  } catch (error) {
    return {
      code: error?.code,
      ours: error instanceof L402Error,
      error: `${error?.message ?? error}`,
      stack: `${error?.stack}`,
    };
  }
};
