// The self-test, and a restart.

import { confirmed } from "./operator-dialog.js";
import { request } from "./operator-line.js";
import { actions, button, english, heading, mark, part, status } from "./operator-parts.js";
import { begin, problem, workPlace } from "./operator-work.js";
import { element } from "./page.js";

export function care(root, text) {
  const work = workPlace(text, "check", (result) => checked(text, result));
  const run = button(text.check, () => begin(text, work.place, "/v1/operator/check"), "primary");
  const told = status();
  root.append(
    heading(text.panels.care),
    element("p", text.checkWords),
    actions(run),
    work.place,
    heading(text.restart),
    element("p", text.restartWords),
    actions(button(text.restart, () => restart(text, told))),
    told,
  );
  return { hear: work.hear };
}

function checked(text, { ready, findings }) {
  const rows = findings.map(({ subject, state, text: words, fix }) => mark(
    state,
    element("h3", subjectOf(subject, text)),
    english("p", words),
    fix && english("p", `→ ${fix}`, "soft"),
  ));
  const whole = mark(ready ? "ok" : "failure", element("p", ready ? text.ready : text.notReady));
  return [whole, part("div", "rows", ...rows)];
}

/** Return what a finding is about: a word, perhaps with more behind it. */
function subjectOf(subject, text) {
  const [known] = Object.keys(text.subjects).filter((words) => subject.startsWith(words)).slice(-1);
  return known ? text.subjects[known] + subject.slice(known.length) : subject;
}

async function restart(text, told) {
  if (!(await confirmed(text, text.restart, text.restartSure, text.restart))) return;
  const reply = await request("POST", "/v1/operator/restart", {});
  told.replaceChildren(reply.ok
    ? mark("ok", element("p", text.restarting))
    : mark("failure", english("p", problem(text, reply))));
}
