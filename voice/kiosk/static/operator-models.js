// The installed models: what each is for, whether it is whole, and how much memory there is.

import { request } from "./operator-line.js";
import { actions, button, english, facts, heading, mark, part } from "./operator-parts.js";
import { begin, problem, workPlace } from "./operator-work.js";
import { element } from "./page.js";

const VERIFY = "/v1/operator/models/verify";

export function models(root, text) {
  const list = part("div", "rows");
  const work = workPlace(text, "verify", (result) => [verified(text, result)]);
  const verify = button(text.verifyAll, () => begin(text, work.place, VERIFY), "primary");
  root.append(heading(text.panels.models), actions(verify), work.place, list);
  load(list, text);
  return { hear: work.hear };
}

async function load(list, text) {
  const reply = await request("GET", "/v1/operator/models");
  if (!reply.ok) return list.replaceChildren(mark("failure", element("p", problem(text, reply))));
  const { models: found, process_mb: used, free_mb: free } = reply.body;
  const memory = facts([[text.usedMemory, `${used} MB`], [text.freeMemory, `${free} MB`]]);
  return list.replaceChildren(memory, ...found.map((model) => row(model, text)));
}

function row({ id, stage, used_for: used, memory_mb: memory, licence, problem: wrong }, text) {
  const purpose = (used.length ? used : [stage]).map((name) => text.purposes[name] ?? name).join("、");
  return part(
    "article",
    "card",
    mark(
      wrong ? "failure" : "ok",
      element("h3", purpose),
      english("p", id),
      wrong && english("p", wrong),
      part("p", "soft", [used.length ? text.used : text.unused, `${memory} MB`, licence].join(" · ")),
    ),
  );
}

function verified(text, { models: count, slots, faults }) {
  if (faults.length) return mark("failure", ...faults.map((fault) => english("p", fault)));
  return mark("ok", element("p", text.whole(count, slots)));
}
