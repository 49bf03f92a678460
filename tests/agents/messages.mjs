// Anthropic's Messages API on loopback: a model that follows a script.
import { createServer } from "node:http";
import { bodyOf, listen } from "../support/listen.mjs";

const usage = { input_tokens: 1, output_tokens: 1 };

/** The events of a streamed message with one block. */
function events(message, block, reason) {
  const delta =
    block.type === "text"
      ? { type: "text_delta", text: block.text }
      : { type: "input_json_delta", partial_json: JSON.stringify(block.input) };
  const empty = block.type === "text" ? { type: "text", text: "" } : { ...block, input: {} };
  return [
    { type: "message_start", message: { ...message, content: [], stop_reason: null } },
    { type: "content_block_start", index: 0, content_block: empty },
    { type: "content_block_delta", index: 0, delta },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: reason, stop_sequence: null }, usage },
    { type: "message_stop" },
  ];
}

/**
 * Calls `tool` with each input, one after another, and then says `text`. `results` has what the model was told by each
 * call.
 */
export async function openMessages(tool, inputs, text) {
  const results = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse((await bodyOf(request)) || "{}");
    if (!new URL(request.url, "http://a").pathname.endsWith("/v1/messages"))
      return response.writeHead(404, { "content-type": "application/json" }).end("{}");
    const told = (body.messages ?? []).flatMap(({ content }) =>
      Array.isArray(content) ? content.filter(({ type }) => type === "tool_result") : [],
    );
    const hasTool = body.tools?.some(({ name }) => name === tool);
    if (hasTool) results.splice(0, results.length, ...told);
    const input = hasTool ? inputs[told.length] : undefined;
    const block = input ? { type: "tool_use", id: `toolu_${told.length}`, name: tool, input } : { type: "text", text };
    const reason = input ? "tool_use" : "end_turn";
    const message = { id: "msg_1", type: "message", role: "assistant", model: body.model, stop_sequence: null, usage };
    if (!body.stream) {
      response.setHeader("content-type", "application/json");
      return response.end(JSON.stringify({ ...message, content: [block], stop_reason: reason }));
    }
    response.setHeader("content-type", "text/event-stream");
    for (const event of events(message, block, reason))
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
  });
  return { ...(await listen(server)), results };
}
