// Delays every request and every answer at random (seeded) and notes, at the moment it happens, what the rep typed where
// and what they sent. `window.racing.busy` counts what is delayed or under way.
(() => {
  let seed = Number(sessionStorage.getItem("race-seed") ?? "RACE_SEED");
  const random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    sessionStorage.setItem("race-seed", seed);
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const racing = (window.racing = { busy: 0 });
  const pause = () => new Promise((done) => setTimeout(done, random() * 500));
  const busy = async (work) => {
    racing.busy += 1;
    try {
      return await work();
    } finally {
      racing.busy -= 1;
    }
  };

  const plain = window.fetch;
  window.fetch = (...given) => busy(async () => {
    if (random() < 0.3) await pause();
    const response = await plain(...given);
    await pause();
    return response;
  });

  // Before it is sent and after it is done a request knows nothing of abort(): both are played here.
  const { send, abort } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (...given) {
    const { onload } = this;
    this.onload = (event) => busy(pause).then(() => this.isAborted || onload?.call(this, event));
    busy(pause).then(() => {
      if (this.isAborted) return;
      this.isSent = true;
      send.apply(this, given);
    });
  };
  XMLHttpRequest.prototype.abort = function () {
    const isUnderWay = this.isSent && this.readyState < 4;
    const isOver = this.isAborted;
    this.isAborted = true;
    if (isUnderWay) abort.call(this);
    else if (!isOver) this.onabort?.(new ProgressEvent("abort"));
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
