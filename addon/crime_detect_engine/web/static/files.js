// Owns the life of an incident's files: what there is, and when each was made, looked at, moved and deleted.

import { attempt, call } from "./api.js";
import { localize } from "./times.js";

const details = document.getElementById("files");
const WORDS = { create: "Made", access: "Looked at", archive: "Moved to the archive", delete: "Deleted" };

function time(at) {
  const made = document.createElement("time");
  made.dateTime = at;
  made.textContent = at;
  return made;
}

function kindOf(path) {
  return path.slice(path.indexOf(".", path.lastIndexOf("/")) + 1);
}

function table(titles, rows) {
  const made = document.createElement("table");
  const head = made.createTHead().insertRow();
  for (const title of titles) {
    const cell = head.appendChild(document.createElement("th"));
    cell.scope = "col";
    cell.textContent = title;
  }
  const body = made.createTBody();
  for (const cells of rows) {
    const row = body.insertRow();
    for (const content of cells) row.insertCell().append(content);
  }
  return made;
}

details?.addEventListener("toggle", () => {
  if (!details.open) return;
  attempt(async () => {
    const { items, log } = await call("GET", `incidents/${details.dataset.incident}/files`);
    const place = (file) => (file.to_be_deleted ? "about to go" : file.archived ? "in the archive" : "here");
    document.getElementById("files-list").replaceChildren(
      table(["File", "Where", "Bytes"], items.map((file) => [file.kind.replace("_", " "), place(file), file.bytes.toLocaleString()])),
      table(
        ["When", "What", "File", "Who"],
        log.map((one) => [time(one.at), WORDS[one.action] ?? one.action, kindOf(one.path), [one.actor, one.reason].filter(Boolean).join(": ")]),
      ),
    );
    localize();
  });
});
