// What is wrong with the page in front of us, as sentences. Evaluated in the browser by test_looks.py.
() => {
  const found = [];
  const name = (el) => `<${el.tagName.toLowerCase()} class="${el.className}"> ${(el.textContent || "").trim().slice(0, 50)}`;
  document.querySelectorAll("details").forEach((d) => { d.open = true; });

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colours = new Map();
  const rgba = (css) => {
    if (!colours.has(css)) colours.set(css, painted(css));
    return colours.get(css);
  };
  const painted = (css) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const ground = (el) => {
    const layers = [];
    for (let at = el; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => {
    const v = c[i] / 255;
    return sum + share * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const ratio = (ink, paper) => {
    const [low, high] = [light(ink), light(paper)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const legible = (el, css, what) => {
    const paper = ground(el);
    const seen = ratio(over(rgba(css), paper), paper);
    if (seen < 4.5) found.push(`contrast ${seen.toFixed(2)} of ${what} ${name(el)}`);
  };

  const shown = (el) => el.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = new Set();
  while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.add(walker.currentNode.parentElement);
  let read = 0;
  for (const el of texts) {
    if (!shown(el) || el.closest(".hush, .skip, option")) continue;
    legible(el, getComputedStyle(el)[el.closest("svg") ? "fill" : "color"], "text");
    read += 1;
    if (parseFloat(getComputedStyle(el).fontSize) < 11) found.push(`too small to read: ${name(el)}`);
  }
  for (const el of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    if (!shown(el)) continue;
    legible(el, getComputedStyle(el).color, "value");
    if (el.placeholder) legible(el, getComputedStyle(el, "::placeholder").color, "placeholder");
    const label = el.ariaLabel || [...el.labels].map((l) => l.textContent.trim()).join("");
    if (!label) found.push(`no label: ${name(el)}`);
  }
  for (const el of document.querySelectorAll("button, a[href]")) {
    if (!(el.ariaLabel || el.textContent.trim())) found.push(`no words: ${name(el)}`);
    const box = el.getBoundingClientRect();
    if (shown(el) && el.matches("button, .button") && box.height < 20) found.push(`too low to hit: ${name(el)}`);
  }

  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) found.push(`the page scrolls sideways by ${wide} px`);
  for (const el of document.querySelectorAll("main *")) {
    if (el.closest(".hush, .skip, svg") || !shown(el)) continue;
    const box = el.getBoundingClientRect();
    if (box.right > innerWidth + 1 && !el.closest(".scroll")) found.push(`sticks out: ${name(el)}`);
    if (el.scrollWidth > el.clientWidth + 1 && getComputedStyle(el).overflowX === "clip") found.push(`cut off: ${name(el)}`);
  }

  const headings = document.querySelectorAll("h1").length;
  if (headings !== 1) found.push(`${headings} h1`);
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  if (!document.title.includes(" · Issuary")) found.push(`title: ${document.title}`);
  if (document.documentElement.lang !== "en") found.push("no language");
  if (document.querySelectorAll("[style], style, script:not([src])").length) found.push("inline style or script");
  if (document.querySelectorAll(".primary").length > 1) found.push("more than one primary button");
  for (const form of document.querySelectorAll("form")) {
    if (form.method === "post" && !form.querySelector("input[name=csrf]")) found.push(`no csrf: ${name(form)}`);
  }
  const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i);
  if (twice.length) found.push(`the same id twice: ${twice}`);
  for (const el of document.querySelectorAll("[aria-describedby]")) {
    for (const id of el.getAttribute("aria-describedby").split(" ")) if (!ids.includes(id)) found.push(`describes nothing: ${id}`);
  }
  if (read < 5) found.push(`only ${read} texts: the page is empty`);
  return found;
}
