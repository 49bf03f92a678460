// Workers KV as the runtime asks for it: GET, PUT and DELETE of /KEY. Counts what it was asked, which GET / tells.
const values = new Map();
const counts = { GET: 0, PUT: 0, DELETE: 0 };
let broken = false;

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return Response.json({ counts, keys: [...values.keys()] });
    if (pathname === "/-/set") {
      values.set("l402-fetch/tokens", await request.text());
      return new Response();
    }
    if (pathname === "/-/break") {
      broken = (await request.text()) === "true";
      return new Response();
    }
    counts[request.method]++;
    if (broken) return new Response("broken", { status: 500 });
    const key = decodeURIComponent(pathname.slice(1));
    if (request.method === "PUT") values.set(key, await request.text());
    if (request.method === "DELETE") values.delete(key);
    if (request.method !== "GET") return new Response();
    return values.has(key) ? new Response(values.get(key)) : new Response("not found", { status: 404 });
  },
};
