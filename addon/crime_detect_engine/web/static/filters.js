// Owns a search's filter: open where there is room; the form shows the viewer's own time, the engine gets UTC.

const filters = document.getElementById("filters");
const form = filters.querySelector("form");

if (matchMedia("(min-width: 60rem)").matches) filters.open = true;

for (const input of form.querySelectorAll("[data-utc]")) {
  const hidden = form.elements[input.dataset.utc];
  if (hidden.value) {
    const at = new Date(hidden.value);
    input.value = new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }
  input.addEventListener("change", () => {
    hidden.value = input.value ? new Date(input.value).toISOString() : "";
  });
}
form.addEventListener("submit", () => {
  for (const field of form.elements) if (field.name && !field.value) field.disabled = true; // a clean address
});
addEventListener("pageshow", () => {
  for (const field of form.elements) field.disabled = false;
});
