// What the open inbox shows, as addresses of its fragments.
import { refresh } from "./fragments.js";

export const inbox = () => document.querySelector(".inbox");
export const opened = () => location.pathname.match(/^\/inbox\/([0-9a-f-]{36})\//)?.[1] ?? null;

export function refreshList() {
  const rows = document.getElementById("rows");
  if (!rows) return Promise.resolve();
  const query = new URLSearchParams(location.search);
  query.set("most", Math.min(200, Math.max(50, rows.querySelectorAll(".row").length)));
  if (opened()) query.set("open", opened());
  return refresh(`/inbox/list?${query}`);
}

export function refreshRail() {
  const query = new URLSearchParams(location.search);
  query.set("here", location.pathname);
  return document.getElementById("rail") ? refresh(`/inbox/rail?${query}`) : Promise.resolve();
}

export function refreshThread() {
  const id = opened();
  if (!id) return Promise.resolve();
  const query = new URLSearchParams(location.search);
  if (document.querySelector("#earlier > *:not(.pager)")) query.set("most", "200");
  return refresh(`/inbox/${id}/thread?${query}`);
}

export const refreshAll = () => Promise.all([refreshList(), refreshRail(), refreshThread()]);
