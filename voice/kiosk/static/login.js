// Signing in on another machine: shows the token once; the browser keeps a cookie, not the token.

import { chosenLanguage, find, keep, put, translate } from "./page.js";
import { STRINGS as SHARED } from "./strings.js";

const STRINGS = {
  zh: {
    ...SHARED.zh,
    token: "访问令牌",
    enter: "进入",
    help: "令牌由设备管理员用 hean kiosk token create 生成，只需输入一次。",
    unknown: "令牌无效、已过期或已撤销",
    later: "尝试太多，请稍候再试",
    lost: "连接不上助手，请稍候再试",
  },
  en: {
    ...SHARED.en,
    token: "Access token",
    enter: "Enter",
    help: "Whoever looks after the device makes one with hean kiosk token create. It is asked for once.",
    unknown: "This token is not known, or it is expired or revoked",
    later: "Too many tries; wait a moment",
    lost: "The assistant cannot be reached; try again in a moment",
  },
};

let language = chosenLanguage();
let outcome = "";

function show() {
  translate(STRINGS, language);
  put("outcome", STRINGS[language][outcome]);
}

async function signIn(token) {
  try {
    const response = await fetch("/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    });
    if (response.ok) return location.replace("/");
    outcome = response.status === 429 ? "later" : "unknown";
  } catch {
    outcome = "lost";
  }
  return show();
}

find("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  keep("language", language);
  show();
});
find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(find("token").value.trim());
  find("token").value = "";
});
show();
