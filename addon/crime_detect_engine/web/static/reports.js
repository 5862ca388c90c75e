// Owns the choice of a report: a clean address, and the frame as high as what is in it.

const form = document.getElementById("choice");
form.addEventListener("submit", () => {
  for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
});
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});

const frame = document.querySelector("iframe.report");
const fit = () => {
  const inside = frame.contentDocument?.body; // the document itself is never lower than its frame
  if (inside) frame.height = inside.offsetHeight + 2;
};
frame.addEventListener("load", fit);
addEventListener("resize", fit);
fit();
