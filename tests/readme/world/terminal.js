// `node --import ./world/terminal.js`, for the command: the world outside its process. WORLD is as in node.js.
import { enter } from "./world.js";

const { base, id } = JSON.parse(process.env.WORLD);
enter(base, id);
