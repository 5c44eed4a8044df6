"use strict";
const gone = document.getElementById("gone");
const refresh = async () => {
  try {
    const answer = await fetch("/", { cache: "no-store", signal: AbortSignal.timeout(4000) });
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(fresh.querySelector("main"));
    document.title = fresh.title;
    gone.hidden = true;
  } catch {
    if (gone.hidden) gone.textContent = "The bridge has not answered since " + new Date().toLocaleTimeString() + ". What is below is old.";
    gone.hidden = false;
  }
  setTimeout(refresh, 3000);
};
setTimeout(refresh, 3000);
