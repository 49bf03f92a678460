// What the page is made of: runs, steps, facts. Knows nothing of payments.

/** An element with attributes and children; a child may be text, an element, an array of both, or nothing. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(2).filter((child) => child != null && child !== ""));
  return element;
}

const SHOWN = 10;

/**
 * A value too long to read: its ends, or what of it is `shown`, and a button that copies all of it. `name` says what it
 * is.
 */
export function long(value, name, shown = `${value.slice(0, SHOWN)}…${value.slice(-SHOWN)}`) {
  if (value.length <= 2 * SHOWN + 4) return h("code", {}, value);
  const code = h("code", { title: value }, shown);
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy the ${name}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(value);
      button.textContent = "Copied";
      button.addEventListener("blur", () => (button.textContent = "Copy"), { once: true });
    } catch {
      // no clipboard here: then in full, selected
      code.textContent = value;
      getSelection().selectAllChildren(code);
      button.remove();
    }
  });
  return h("span", { class: "long" }, code, button);
}

/** `[name, value]` pairs as a list; a value may be text, an element or an array of both. */
export const facts = (pairs) =>
  h(
    "dl",
    { class: "facts" },
    pairs.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

/** A bar of `limit`, filled by parts `{ size, kind }`. Decoration: what it shows is said in words beside it. */
export function bar(limit, parts) {
  const whole = Math.max(
    limit,
    parts.reduce((sum, part) => sum + part.size, 0),
    1,
  );
  const percent = (size) => `${(100 * size) / whole}%`;
  const element = h(
    "div",
    { class: "bar", "aria-hidden": "true" },
    parts
      .filter(({ size }) => size > 0)
      .map(({ size, kind }) => {
        const part = h("span", { class: kind });
        part.style.width = percent(size);
        return part;
      }),
  );
  const end = h("i");
  end.style.left = `min(${percent(limit)}, 100% - 2px)`;
  element.append(end);
  return element;
}

export const error = (code, message, ...more) =>
  h(
    "div",
    { class: "error" },
    h("p", {}, h("code", { class: "tag" }, code), " ", message),
    more.map((part) => h("p", {}, part)),
  );

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** One press of the button: a heading, and the steps that follow from it. Earlier runs fold up. */
export class Run {
  #steps = h("ol", { class: "steps" });
  #outcome = h("span", { class: "outcome" });

  constructor(log, title) {
    document.getElementById("outline")?.remove();
    for (const earlier of log.querySelectorAll("details.run")) earlier.open = false;
    const run = h(
      "details",
      { class: "run", open: true },
      h("summary", {}, h("h2", {}, title), this.#outcome),
      this.#steps,
    );
    log.append(run);
    const { top } = run.getBoundingClientRect();
    if (top < 0 || top > innerHeight * 0.6)
      run.scrollIntoView({ behavior: calm.matches ? "auto" : "smooth", block: "start" });
  }

  /** Adds a step. `name` tells tests and styles which; `who` acts; the parts of `body` may be replaced later. */
  step(name, who, title, sentence, ...body) {
    const step = h(
      "li",
      { class: "step", "data-step": name },
      h("p", { class: "who" }, who),
      h("div", { class: "what" }),
    );
    this.#steps.append(step);
    const fill = (state, title, sentence, ...body) => {
      step.dataset.state = state;
      step.lastChild.replaceChildren(h("h3", {}, title), h("p", { class: "say" }, sentence), ...body);
    };
    fill("open", title, sentence, ...body);
    return {
      done(...parts) {
        if (parts.length) fill("done", ...parts);
        else step.dataset.state = "done";
      },
      refused: (...parts) => fill("refused", ...parts),
      add: (...more) => step.lastChild.append(...more),
      mark(state) {
        step.dataset.state = state;
      },
    };
  }

  end(outcome, state = "done") {
    this.#outcome.textContent = outcome;
    this.#outcome.dataset.state = state;
  }
}
