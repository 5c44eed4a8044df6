// What a person could not read: text that sticks out of the window or of its box, is small, or has too little contrast
// (WCAG 2.2, 1.4.3: 4.5 to 1).
(() => {
  const flaws = [];
  const page = document.scrollingElement;
  if (page.scrollWidth > innerWidth) flaws.push(`it is ${page.scrollWidth} px wide in a window of ${innerWidth} px`);
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isClear = (colour) => colour === "transparent" || /, 0\)$/.test(colour);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!isClear(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const isSeen = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  for (const element of document.body.querySelectorAll("*")) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (texts.length === 0 || !isSeen(element) || element.closest("thead, script, style")?.clientWidth === 1) continue;
    const words = element.innerText.slice(0, 40);
    const style = getComputedStyle(element);
    if (parseFloat(style.fontSize) < 12) flaws.push(`"${words}" is written in ${style.fontSize}`);
    const [low, high] = [light(style.color), light(behind(element))].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) flaws.push(`"${words}" has a contrast of ${contrast.toFixed(2)}`);
    const range = document.createRange();
    range.selectNodeContents(element);
    const box = element.closest(".table, header, .notice, section, footer") ?? page;
    const [text, frame] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
    const scrolls = box.matches?.(".table") && innerWidth > 600;
    if (!scrolls && text.right > Math.min(frame.right, innerWidth) + 1) flaws.push(`"${words}" sticks out of its box`);
  }
  return flaws;
})()
