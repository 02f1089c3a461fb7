// What all pages share: elements, words in two languages, and how the page looks.

export const page = document.documentElement;
export const find = (id) => document.getElementById(id);

/** Return the language that was chosen on this machine, else that of the browser. */
export function chosenLanguage() {
  return localStorage.language ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}

/** Remember a choice on this machine. */
export function keep(name, value) {
  localStorage[name] = value;
}

export function element(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

/** Show a text in an element; an empty one hides it. */
export function put(id, text) {
  const place = find(id);
  place.hidden = !text;
  // Writing the same text again would let screen readers say it again.
  if (place.textContent !== text) place.textContent = text || "";
}

export function fill(id, children) {
  find(id).replaceChildren(...children);
}

/** Make a button switch a look of all pages, `larger` or `contrast`, on and off. */
export function toggle(id) {
  const button = find(id);
  const set = (on) => {
    page.toggleAttribute(`data-${id}`, on);
    button.setAttribute("aria-pressed", on);
    keep(id, on ? "yes" : "");
  };
  set(localStorage[id] === "yes");
  button.addEventListener("click", () => set(!page.hasAttribute(`data-${id}`)));
}

/** Write the fixed words of the page in a language. */
export function translate(strings, language) {
  const text = strings[language];
  page.lang = text.page;
  find("language").textContent = text.other;
  find("language").lang = strings[language === "zh" ? "en" : "zh"].page;
  for (const item of document.querySelectorAll("[data-text]")) {
    item.textContent = text[item.dataset.text];
  }
  for (const item of document.querySelectorAll("[data-label]")) {
    item.setAttribute("aria-label", text[item.dataset.label]);
  }
}
