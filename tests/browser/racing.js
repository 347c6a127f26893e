// Delays every answer at random (seeded) and notes, at the moment it happens, what the rep typed where and what they sent.
(() => {
  let seed = Number(sessionStorage.getItem("race-seed") ?? 1);
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const pause = () => new Promise((done) => setTimeout(done, random() * 500));
  const plain = window.fetch;
  window.fetch = async (...given) => {
    if (random() < 0.3) await pause();
    const response = await plain(...given);
    await pause();
    return response;
  };
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (...given) {
    pause().then(() => this.readyState === 1 && send.apply(this, given));
  };
  const log = (entry) => {
    const all = JSON.parse(sessionStorage.getItem("race-log") ?? "[]");
    sessionStorage.setItem("race-log", JSON.stringify([...all, entry]));
  };
  const of = (form) => ({
    to: form.elements.to.value,
    conversation: form.dataset.conversation,
    head: document.getElementById("talk-head")?.dataset.conversation,
    mode: form.dataset.mode,
    when: form.dataset.when,
    body: form.elements.body.value,
  });
  document.addEventListener("input", (event) => {
    if (event.target.name === "body") log({ act: "typed", ...of(event.target.form) });
  }, true);
  document.addEventListener("keydown", (event) => {
    const box = event.target.closest?.(".composer textarea");
    if (box && event.key === "Enter" && event.ctrlKey) log({ act: "sent", ...of(box.form) });
  }, true);
})();
