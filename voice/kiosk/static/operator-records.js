// What is kept: the audit log as a file, and the last lines of the log.

import { request } from "./operator-line.js";
import { actions, button, english, heading, local, mark, part } from "./operator-parts.js";
import { problem } from "./operator-work.js";
import { element } from "./page.js";

const LINES = 200;

export function records(root, text) {
  const lines = part("ol", "log");
  root.append(
    heading(text.audit),
    element("p", text.auditWords),
    actions(download("csv", text.auditCsv), download("jsonl", text.auditJson)),
    heading(text.log),
    actions(button(text.again, () => load(lines, text))),
    lines,
  );
  load(lines, text);
  return {};
}

function download(kind, name) {
  const link = element("a", name);
  Object.assign(link, { className: "button", href: `/v1/operator/audit.${kind}` });
  link.setAttribute("download", "");
  return link;
}

async function load(lines, text) {
  const reply = await request("GET", `/v1/operator/log?most=${LINES}`);
  if (!reply.ok) return lines.replaceChildren(mark("failure", element("p", problem(text, reply))));
  const rows = reply.body.lines.toReversed().map(({ at, level, text: words }) => {
    const row = part("li", level, part("time", "soft", local(at)), " ", english("span", words));
    return row;
  });
  return lines.replaceChildren(...(rows.length ? rows : [element("li", text.nothingLogged)]));
}
