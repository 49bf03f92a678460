// Loads what recovers the signer of an invoice, at first need.
import type { LoadSigner } from "../core/signer.js";

export const loadSigner: LoadSigner = () => import("../core/signer.js");
