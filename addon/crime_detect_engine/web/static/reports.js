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
  const inside = frame.contentDocument?.documentElement;
  if (inside) frame.height = inside.scrollHeight;
};
frame.addEventListener("load", fit);
addEventListener("resize", fit);
fit();
