// Everything works without this file. It shows times in the reader's zone and adds copy buttons to values.
"use strict";

const two = (n) => String(n).padStart(2, "0");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

for (const time of document.querySelectorAll("time.moment")) {
  const at = new Date(time.dateTime);
  time.title = `${zone}; ${time.title}`;
  time.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

function addCopyButton(value) {
  const text = value.textContent;
  if (text.length < 8) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  const span = document.createElement("span");
  span.textContent = text;
  value.replaceChildren(span, button);
}

if (navigator.clipboard) document.querySelectorAll("dl.record.copy dd").forEach(addCopyButton);
