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
  const rows = findings.map((finding) => {
    const { subject, text: words, fix } = text.finding(finding);
    return mark(
      finding.state,
      element("h3", subject),
      element("p", words),
      fix && part("p", "soft", `→ ${fix}`),
    );
  });
  const whole = mark(ready ? "ok" : "failure", element("p", ready ? text.ready : text.notReady));
  return [whole, part("div", "rows", ...rows)];
}

async function restart(text, told) {
  if (!(await confirmed(text, text.restart, text.restartSure, text.restart))) return;
  const reply = await request("POST", "/v1/operator/restart", {});
  told.replaceChildren(reply.ok
    ? mark("ok", element("p", text.restarting))
    : mark("failure", english("p", problem(text, reply))));
}
