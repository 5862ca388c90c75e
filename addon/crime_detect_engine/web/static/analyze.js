// Owns the upload page: sends a file with its progress, waits for its job, draws the answer.

import { call, csrfToken, say } from "./api.js";
import { drawCurve } from "./curve.js";
import { percent, readable } from "./words.js";

const POLL_MS = 700;
const form = document.getElementById("upload");
const input = document.getElementById("file");
const jobs = document.getElementById("jobs");
const template = document.getElementById("job");

function part(card, name) {
  return card.querySelector(`[data-${name}]`);
}

function send(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much was sent
    const body = new FormData();
    body.append("file", file);
    request.open("POST", new URL("api/v1/analyze", document.baseURI));
    request.setRequestHeader("X-CSRF-Token", csrfToken());
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Error("The upload broke off."));
    request.onload = () => {
      if (request.status === 202) resolve(request.response);
      else reject(new Error(request.response?.error?.message ?? "The upload was refused."));
    };
    request.send(body);
  });
}

async function analyze(file) {
  const card = template.content.firstElementChild.cloneNode(true);
  part(card, "name").textContent = file.name;
  part(card, "state").textContent = "Sending";
  jobs.prepend(card);
  try {
    if (file.size > Number(form.dataset.limit)) throw new Error("This file is too large.");
    let job = await send(file, (done) => (part(card, "progress").value = done));
    part(card, "progress").removeAttribute("value");
    while (job.state === "queued" || job.state === "running") {
      part(card, "state").textContent = job.state === "queued" ? "Waiting" : "Analysing";
      await new Promise((done) => setTimeout(done, POLL_MS));
      job = await call("GET", `jobs/${job.job_id}`);
    }
    if (job.state === "failed") throw new Error(job.error);
    showResult(card, job.result);
  } catch (error) {
    part(card, "state").textContent = "Failed";
    part(card, "state").classList.add("critical");
    part(card, "message").textContent = error.message;
  }
  part(card, "progress").hidden = true;
}

function showResult(card, result) {
  const state = part(card, "state");
  state.textContent = result.suspicious ? "Suspicious" : "Nothing suspicious";
  state.classList.add(result.suspicious ? "alert" : "ok");
  part(card, "label").textContent = readable(result.label);
  part(card, "confidence").textContent = percent(result.confidence);
  part(card, "model").textContent = `Model ${result.model}`;
  part(card, "result").hidden = false;
  const other = Object.keys(result.probabilities).filter((label) => label !== "normal");
  const label = other.reduce((best, one) => (result.probabilities[one] > result.probabilities[best] ? one : best), other[0]);
  const windows = result.windows ?? [];
  if (windows.length > 1) {
    const points = windows.map((one) => ({ s: one.end_s, value: one.probabilities[label] ?? 0 }));
    drawCurve(part(card, "curve"), points, null, readable(label));
  } else {
    part(card, "curve").hidden = true;
  }
}

input.addEventListener("change", () => {
  for (const file of input.files) analyze(file);
  input.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  form.addEventListener(name, (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
}
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  const files = [...event.dataTransfer.files];
  if (files.length === 0) say("Drop a video or photo file.");
  for (const file of files) analyze(file);
});
