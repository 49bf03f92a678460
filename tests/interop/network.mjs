// A Lightning network on loopback: btcd on regtest, and two lnd nodes with a channel from the buyer to the seller.
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../support/listen.mjs";
import { Daemon, removeAtEnd, until } from "./daemon.mjs";
import { programs } from "./programs.mjs";
import { ask } from "./rest.mjs";

/** What the buyer's side of the channel holds at first, in satoshis. */
export const CAPACITY = 1_000_000;

/** Coinbase coins can be spent after 100 blocks, and segwit is active later. */
const FIRST_BLOCKS = 400;

/**
 * Starts it, with programs that are there (`buildPrograms`), and resolves once the channel is open. With `tls: false`
 * the REST servers of both nodes speak plain http, as a page needs it where no one trusts their certificates.
 *
 * `buyer` and `seller` are `Node`s, `chain.generate(blocks)` mines, `folder` is for files that go with the network,
 * `tails()` is what each server said last, and `stop()` ends everything and removes it. After a node was away,
 * `ready()` waits for the channel.
 */
export async function startNetwork({ tls = true } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "l402-fetch-network-"));
  removeAtEnd(folder);
  const [rpc, ...ports] = await freePorts(7);
  const chain = new Chain(folder, rpc);
  const buyer = new Node("buyer", { folder, ports: ports.slice(0, 3), chain, tls });
  const seller = new Node("seller", { folder, ports: ports.slice(3), chain, tls, program: programs["lnd-seller"] });
  const all = [chain, buyer, seller];
  const network = {
    folder,
    chain,
    buyer,
    seller,
    // an active channel is not yet a route
    ready: () =>
      until(
        "a route from the buyer to the seller",
        async () => (await buyer.rest("GET", `/v1/graph/routes/${seller.key}/1`)).routes.length > 0,
      ),
    tails: () => all.map(({ daemon }) => daemon.tail()).join("\n"),
    async stop() {
      await Promise.all(all.map(({ daemon }) => daemon.stop()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await chain.start();
    await Promise.all([buyer.start(), seller.start()]);
    const { address } = await buyer.rest("GET", "/v1/newaddress?type=WITNESS_PUBKEY_HASH");
    // btcd takes the address that its coins go to when it starts only
    await chain.restart(`--miningaddr=${address}`);
    await chain.generate(FIRST_BLOCKS);
    await Promise.all([buyer.synced(), seller.synced()]);
    await openChannel(network);
    return network;
  } catch (error) {
    error.message += `\n${network.tails()}`;
    await network.stop();
    throw error;
  }
}

async function openChannel({ chain, buyer, seller, ready }) {
  await until(
    "the buyer's coins",
    async () => Number((await buyer.rest("GET", "/v1/balance/blockchain")).confirmed_balance) > CAPACITY,
  );
  await buyer.rest("POST", "/v1/peers", { addr: { pubkey: seller.key, host: seller.peer } });
  const open = {
    node_pubkey: Buffer.from(seller.key, "hex").toString("base64"),
    local_funding_amount: String(CAPACITY),
  };
  // a peer that has just connected may not be there yet
  await until("the channel", () => buyer.rest("POST", "/v1/channels", open), { every: 200 });
  await chain.generate(6);
  await ready();
}

/** btcd. */
class Chain {
  constructor(folder, port) {
    const at = (name) => join(folder, "btcd", name);
    this.host = `127.0.0.1:${port}`;
    this.user = "user";
    this.password = "password";
    this.certPath = at("rpc.cert");
    this.args = [
      "--regtest",
      "--txindex",
      "--nolisten",
      `--rpcuser=${this.user}`,
      `--rpcpass=${this.password}`,
      `--datadir=${at("data")}`,
      `--logdir=${at("logs")}`,
      `--configfile=${at("btcd.conf")}`,
      `--rpccert=${this.certPath}`,
      `--rpckey=${at("rpc.key")}`,
      `--rpclisten=${this.host}`,
    ];
    this.folder = at("");
    this.daemon = new Daemon("btcd", programs.btcd, this.args, /RPC server listening on/);
  }

  async start() {
    await mkdir(this.folder, { recursive: true });
    await this.daemon.start();
  }

  async restart(...more) {
    await this.daemon.stop("SIGINT");
    this.daemon.args = [...this.args, ...more];
    await this.daemon.start();
  }

  async rpc(method, ...params) {
    const authorization = `Basic ${Buffer.from(`${this.user}:${this.password}`).toString("base64")}`;
    const body = { jsonrpc: "1.0", id: 1, method, params };
    return (
      await ask(`https://${this.host}/`, { method: "POST", headers: { authorization }, body, cert: this.certPath })
    ).result;
  }

  /** Mines blocks, whose coins are the buyer's. */
  generate(blocks) {
    return this.rpc("generate", blocks);
  }
}

/** An lnd node. */
class Node {
  /** The node's public key, hex. */
  key = "";
  /** What may do everything on it. */
  macaroonHex = "";

  constructor(name, { folder, ports: [peer, grpc, rest], chain, tls, program = programs.lnd }) {
    this.name = name;
    this.folder = join(folder, name);
    this.peer = `127.0.0.1:${peer}`;
    this.grpc = `127.0.0.1:${grpc}`;
    this.restUrl = `${tls ? "https" : "http"}://127.0.0.1:${rest}`;
    this.certPath = join(this.folder, "tls.cert");
    this.macaroonDir = join(this.folder, "data/chain/bitcoin/regtest");
    this.daemon = new Daemon(
      name,
      program,
      [
        `--lnddir=${this.folder}`,
        "--bitcoin.regtest",
        "--bitcoin.node=btcd",
        `--btcd.rpchost=${chain.host}`,
        `--btcd.rpcuser=${chain.user}`,
        `--btcd.rpcpass=${chain.password}`,
        `--btcd.rpccert=${chain.certPath}`,
        "--noseedbackup",
        "--nobootstrap",
        "--bitcoin.defaultchanconfs=1",
        `--listen=${this.peer}`,
        `--rpclisten=${this.grpc}`,
        `--restlisten=127.0.0.1:${rest}`,
        "--restcors=*",
        "--debuglevel=info,PEER=debug",
        ...(tls ? [] : ["--no-rest-tls"]),
      ],
      /gRPC proxy started at|REST proxy started at/,
    );
  }

  /** Starts it, again after `stop()` on the same ports, and resolves once it answers. */
  async start() {
    await this.daemon.start();
    this.macaroonHex = await until(`${this.name}'s macaroon`, async () =>
      (await readFile(join(this.macaroonDir, "admin.macaroon"))).toString("hex"),
    );
    this.key = await until(
      `${this.name} to answer`,
      async () => (await this.rest("GET", "/v1/getinfo")).identity_pubkey,
    );
  }

  /** Ends it, as a crash would unless the signal is another. */
  stop(signal = "SIGKILL") {
    return this.daemon.stop(signal);
  }

  /** Nothing is answered and nothing settles until `thaw()`; connections stay open. */
  freeze() {
    this.daemon.freeze();
  }

  thaw() {
    this.daemon.thaw();
  }

  /** lnd's REST: resolves with the answer's JSON, rejects where the status is not 200. */
  rest(method, path, body) {
    return ask(`${this.restUrl}${path}`, {
      method,
      headers: { "grpc-metadata-macaroon": this.macaroonHex },
      body,
      cert: this.certPath,
    });
  }

  synced() {
    return until(`${this.name} to be synced`, async () => (await this.rest("GET", "/v1/getinfo")).synced_to_chain);
  }

  /** What it can send through its channel, msat. */
  async balanceMsat() {
    return Number((await this.rest("GET", "/v1/balance/channels")).local_balance.msat);
  }

  /** The index of the last payment in its books, 0 where there is none. */
  async lastPayment() {
    return Number(
      (await this.rest("GET", "/v1/payments?include_incomplete=true&reversed=true&max_payments=1")).last_index_offset,
    );
  }

  /**
   * Its own books: the payments after the one with this index, oldest first, those that failed or are in flight too.
   * `{ index, hash, state, amountMsat, feeMsat, preimage }`, the state as lnd names it.
   */
  async payments(after = 0) {
    const { payments } = await this.rest(
      "GET",
      `/v1/payments?include_incomplete=true&index_offset=${after}&max_payments=100000`,
    );
    return payments.map((payment) => ({
      index: Number(payment.payment_index),
      hash: payment.payment_hash,
      state: payment.status,
      amountMsat: Number(payment.value_msat),
      feeMsat: Number(payment.fee_msat),
      preimage: payment.payment_preimage,
    }));
  }
}
