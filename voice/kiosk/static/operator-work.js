// What takes long: one at a time, whoever began it.

import { request } from "./operator-line.js";
import { english, mark, part, progress, status } from "./operator-parts.js";
import { element } from "./page.js";

/** Return a place that follows the works of a kind: `shown` makes what is shown of a result, and
 * `ended` is called when one has ended. */
export function workPlace(text, kind, shown, ended = () => {}) {
  const place = status();
  let running = false;
  const hear = (message) => {
    if (message.type !== "work" || message.kind !== kind || message.state === "idle") return;
    place.replaceChildren(...picture(text, message, shown));
    if (running && message.state !== "running") ended();
    running = message.state === "running";
  };
  request("GET", "/v1/operator/work").then((reply) => reply.ok && hear(reply.body));
  return { place, hear };
}

/** Begin a work; show in its place why it cannot be begun. */
export async function begin(text, place, path) {
  const reply = await request("POST", path, {});
  if (!reply.ok) place.replaceChildren(mark("failure", element("p", problem(text, reply))));
}

export function problem(text, reply) {
  return reply.status === 0 ? text.unreachable : (reply.body?.error?.message ?? text.unreachable);
}

function picture(text, work, shown) {
  if (work.state === "running") {
    const doing = text.doing[work.doing] ?? work.doing;
    const done = work.total > 1000 ? ` ${Math.floor((100 * work.done) / work.total)} %` : "";
    return [part("p", "", `${doing || text.beginning}${done}`), progress(doing, work.done, work.total)];
  }
  if (work.state === "failed") {
    return [mark(
      "failure",
      element("p", text.failures[work.kind] ?? text.failed),
      english("p", work.error.message ?? "", "soft"),
      english("p", work.error.fix ? `→ ${work.error.fix}` : "", "soft"),
    )];
  }
  return shown(work.result);
}
