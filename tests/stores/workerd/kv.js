// Workers KV as the runtime asks for it: GET, PUT and DELETE of /KEY. GET / tells what is in it.
const values = new Map();
let broken = false;

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") return Response.json(Object.fromEntries(values));
    if (pathname === "/-/break") {
      broken = (await request.text()) === "true";
      return new Response();
    }
    const text = await request.text();
    if (broken) return new Response("broken", { status: 500 });
    const key = decodeURIComponent(pathname.slice(1));
    if (request.method === "PUT") values.set(key, text);
    if (request.method === "DELETE") values.delete(key);
    if (request.method !== "GET") return new Response();
    return values.has(key) ? new Response(values.get(key)) : new Response("not found", { status: 404 });
  },
};
