// The knowledge base: what waits for a review, each entry beside its sources, and the decision.

import { request } from "./operator-line.js";
import { actions, button, english, facts, heading, mark, part, status } from "./operator-parts.js";
import { problem } from "./operator-work.js";
import { element } from "./page.js";

const PATH = "/v1/operator/knowledge";
const PAGE_ROWS = 50;
const TYPED_MS = 400;

export function knowledge(root, text) {
  const view = { show: "due", find: "", skip: 0, reviewers: [], device: "" };
  const list = part("div", "rows");
  const detail = part("div", "rows");
  const load = () => showList(view, list, text, (id) => showEntry(view, id, { root, list, detail }, text, load));
  const search = searchField(view, text, load);
  const due = button(text.due("…"), () => choose("due"));
  const all = button(text.all, () => choose("all"));
  const choose = (show) => {
    Object.assign(view, { show, skip: 0 });
    load();
  };
  view.changed = (found) => {
    due.textContent = text.due(found.due);
    due.setAttribute("aria-pressed", view.show === "due");
    all.setAttribute("aria-pressed", view.show === "all");
    approval.textContent = `${text.approval}：${found.approval}`;
  };
  const approval = part("p", "soft");
  const head = part("div", "rows", heading(text.panels.knowledge), approval, part("div", "filter", due, all, search));
  root.append(head, list, detail);
  view.head = head;
  load();
  return {};
}

function searchField(view, text, load) {
  const field = element("input", "");
  Object.assign(field, { type: "search", placeholder: text.find, autocomplete: "off", maxLength: 200 });
  field.setAttribute("aria-label", text.find);
  let typed;
  field.addEventListener("input", () => {
    clearTimeout(typed);
    typed = setTimeout(() => {
      Object.assign(view, { find: field.value, skip: 0 });
      load();
    }, TYPED_MS);
  });
  return field;
}

// ------------------------------------------------------------------ the list

async function showList(view, list, text, open) {
  const asked = new URLSearchParams({ show: view.show, find: view.find, skip: view.skip });
  const reply = await request("GET", `${PATH}?${asked}`);
  if (!reply.ok) return list.replaceChildren(mark("failure", element("p", problem(text, reply))));
  const found = reply.body;
  Object.assign(view, { reviewers: found.reviewers, device: found.device });
  view.changed(found);
  const rows = found.entries.map((entry) => row(entry, text, open));
  const turn = (step) => () => {
    view.skip += step;
    showList(view, list, text, open);
  };
  const pages = actions(
    view.skip > 0 && button(text.earlier, turn(-PAGE_ROWS)),
    view.skip + PAGE_ROWS < found.found && button(text.later, turn(PAGE_ROWS)),
  );
  return list.replaceChildren(...(rows.length ? rows : [element("p", text.nothingDue)]), pages);
}

function row({ id, language, ask, answer, status: state, due }, text, open) {
  const entry = button("", () => open(id), "card entry");
  const question = part("strong", "", ask || id);
  question.lang = language;
  const spoken = part("span", "", answer);
  spoken.lang = language;
  const why = due === "draft" || state === "draft" ? text.draft : due || text.vetted;
  entry.append(question, spoken, part("span", "soft", `${id} · ${why}`));
  return entry;
}

// ------------------------------------------------------------------ one entry

async function showEntry(view, id, places, text, load) {
  const reply = await request("GET", `${PATH}/${encodeURIComponent(id)}`);
  const { list, detail } = places;
  if (!reply.ok) return list.prepend(mark("failure", element("p", problem(text, reply))));
  const back = () => {
    detail.replaceChildren();
    list.hidden = view.head.hidden = false;
    load();
  };
  list.hidden = view.head.hidden = true;
  const told = status();
  const title = heading(reply.body.entry.ask[0] ?? id);
  title.tabIndex = -1;
  detail.replaceChildren(
    actions(button(`← ${text.toList}`, back)),
    title,
    ...body(reply.body, text),
    decision(view, reply.body, told, text, back),
    told,
  );
  return title.focus();
}

function body({ entry, sources, look, obstacles }, text) {
  const texts = part(
    "article", "card",
    element("h3", entry.answer),
    entry.details && element("p", entry.details),
    facts([
      ["ID", entry.id],
      [text.asked, entry.ask.join(" / ")],
      [text.decision, text.decisions[entry.decision] ?? entry.decision],
      [text.state, entry.status === "draft" ? text.draft : text.vetted],
      [text.reviewer, [entry.reviewer, entry.reviewed].filter(Boolean).join(" · ")],
    ]),
  );
  texts.lang = entry.language;
  const cited = sources.map((source) => part(
    "article", "card",
    element("h3", `${source.fact} · ${text.confidence} ${source.confidence}`),
    element("p", [source.title, source.issuer, source.year, source.section].filter(Boolean).join(" · ")),
    source.value && element("p", source.value),
    source.address && part("p", "soft", source.address),
  ));
  return [
    texts,
    ...cited,
    ...look.map((words) => mark("warning", english("p", words))),
    ...obstacles.map((words) => mark("failure", english("p", words))),
  ];
}

function decision(view, { entry, obstacles }, told, text, back) {
  const name = element("input", "");
  Object.assign(name, { id: "reviewer", type: "text", autocomplete: "off", maxLength: 80 });
  name.value = sessionStorage.reviewer ?? "";
  const known = actions(...[...view.reviewers, text.operatorOf(view.device)].map(
    (one) => button(one, () => { name.value = one; }),
  ));
  const label = element("label", text.reviewerName);
  label.htmlFor = "reviewer";
  const decide = (verdict) => review(entry.id, verdict, name, told, text, back);
  const vet = button(text.vet, () => decide("vetted"), "primary");
  vet.disabled = obstacles.length > 0;
  const reject = button(text.reject, () => decide("draft"));
  return part("div", "card", label, name, known, element("p", text.compared), actions(vet, reject));
}

async function review(id, verdict, name, told, text, back) {
  if (name.value.trim().length < 2) {
    told.replaceChildren(mark("warning", element("p", text.nameFirst)));
    return name.focus();
  }
  sessionStorage.reviewer = name.value.trim();
  const reply = await request("POST", `${PATH}/${encodeURIComponent(id)}`, { verdict, reviewer: name.value });
  if (!reply.ok) return told.replaceChildren(mark("failure", element("p", problem(text, reply))));
  const words = verdict === "vetted" ? text.nowVetted : text.nowDraft;
  return told.replaceChildren(mark(
    "ok",
    element("p", words),
    element("p", text.afterRestart),
    part("p", "soft", `${text.approval}：${reply.body.approval}`),
    actions(button(text.toList, back, "primary")),
  ));
}
