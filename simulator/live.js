const local = root => root.querySelectorAll('time').forEach(t => {
  const d = new Date(t.dateTime), today = new Date().toDateString() === d.toDateString()
  t.title = d.toLocaleString(); t.textContent = today ? d.toLocaleTimeString() : d.toLocaleString() })
const toEnd = box => { const t = box.querySelector('.thread'); if (t) t.scrollTop = t.scrollHeight }
const atEnd = box => { const t = box.querySelector('.thread'); return !t || t.scrollHeight - t.scrollTop - t.clientHeight < 60 }
const seen = new WeakMap()
async function refresh(box) {
  if (document.hidden) return
  try {
    const answer = await fetch(box.dataset.live), html = await answer.text()
    if (!answer.ok || seen.get(box) === html) return
    const follow = atEnd(box), list = box.querySelector('.list'), top = list ? list.scrollTop : 0
    const held = box.contains(document.activeElement) && document.activeElement.getAttribute('href')
    seen.set(box, html); box.innerHTML = html; local(box)
    if (list && box.querySelector('.list')) box.querySelector('.list').scrollTop = top
    if (held) [...box.querySelectorAll('a')].find(a => a.getAttribute('href') === held)?.focus()
    if (follow) toEnd(box)
  } catch { /* the simulator is being restarted */ }
}
const boxes = document.querySelectorAll('[data-live]')
local(document); boxes.forEach(toEnd)
setInterval(() => boxes.forEach(refresh), 1000)
