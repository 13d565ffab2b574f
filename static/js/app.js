// What the pages do beyond HTML: popups, single submits, copying, menus, waits. Every page works without it.
(() => {
  "use strict";

  const html = document.documentElement;
  html.classList.add("js");

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  // htmx and authors both may name an element that is not on this page.
  const one = (selector) => (selector ? document.querySelector(selector) : null);

  // A modal dialog makes the rest of the page inert, live regions included: speak from the inside when it is open.
  function announce(text) {
    const region = one("dialog[open] [data-live]") || one("body > [data-live]");
    if (!region) return;
    region.textContent = "";
    setTimeout(() => { region.textContent = text; }, 50);
  }

  // --- Popups: links that are pages of their own without this script

  const dialog = one("#popup");
  const content = one("#popup-content");
  const CONTROL = "input:not([type=hidden], [hidden]), select, textarea";
  let opener = null;
  let popupUrl = "";
  let latest = ""; // a slow earlier answer must not replace a newer one

  function load(verb, url, extra) {
    latest = url;
    content.setAttribute("aria-busy", "true");
    // Only the popup is taken from the answer, so that a complete (error) page works too.
    window.htmx.ajax(verb, url, { target: content, swap: "innerHTML", select: ".popup", ...extra })
      .catch(() => { if (dialog.open && url === latest) failed(); });
  }

  function openPopup(link) {
    if (!dialog.open) {
      opener = link;
      dialog.showModal();
    }
    popupUrl = link.href;
    loadPopup(content.contains(link) ? content : link); // htmx sends nothing for what has left the page
  }

  function loadPopup(source) {
    content.replaceChildren(one("#popup-loading").content.cloneNode(true));
    announce(content.textContent.trim());
    load("GET", popupUrl, { source });
  }

  // No answer came, or one that the form was not taken: said in its own words, where it has some.
  // What was typed stays; without a form there is nothing to keep.
  function failed(answer = "") {
    content.removeAttribute("aria-busy");
    const message = one("#popup-failed").content.cloneNode(true);
    const words = new DOMParser().parseFromString(answer, "text/html").querySelector(".popup-body");
    if (words) message.querySelector(".popup-failed").textContent = words.textContent.trim();
    const body = content.querySelector("form .popup-body");
    if (body) {
      all(".popup-failed", body).forEach((old) => old.remove());
      body.prepend(message.querySelector(".popup-failed"));
      release(content);
    } else {
      content.replaceChildren(message);
      focusInside(content);
    }
  }

  function focusInside(root) {
    const target = all(`.has-error :is(${CONTROL})`, root)[0] || all("[autofocus]", root)[0]
      || all(`:is(${CONTROL}):not(:disabled)`, root)[0] || all("h1", root)[0] || all("a, button", root)[0];
    if (!target) return;
    if (target.matches("h1")) target.tabIndex = -1;
    target.focus();
    if (target.closest(".has-error") && target.select) target.select();
  }

  if (dialog) {
    dialog.addEventListener("close", () => {
      if (dialog.open) return; // the event comes late: the next popup may be there already
      content.replaceChildren(); // a secret does not stay in a closed dialog
      latest = "";
      if (opener && opener.isConnected) opener.focus();
      opener = null;
    });
    document.addEventListener("htmx:beforeSwap", (event) => {
      const { target, pathInfo, xhr } = event.detail;
      if (target !== content) return;
      if (pathInfo.requestPath !== latest) event.detail.shouldSwap = false;
      else if (xhr.status >= 500 || (xhr.status >= 400 && content.querySelector("form .popup-body"))) {
        event.detail.shouldSwap = false;
        failed(xhr.responseText);
      }
    });
    document.addEventListener("htmx:afterSettle", (event) => {
      if (event.target !== content || !dialog.open) return;
      content.removeAttribute("aria-busy");
      const { xhr } = event.detail;
      if (content.querySelector(".popup")) {
        prepare(content);
        focusInside(content);
      } else if (xhr && xhr.status < 400) {
        window.location.assign(xhr.responseURL); // a page that is no popup, such as the login page
      } else {
        failed();
      }
    });
  }

  // --- Lists: search, filters, order and pages change what is in the list, and leave the focus where it is

  function pageInstead(event) {
    const { target, pathInfo } = event.detail;
    if (target && target.closest("#list")) window.location.assign(pathInfo.finalRequestPath);
  }

  document.addEventListener("htmx:sendError", pageInstead);
  document.addEventListener("htmx:timeout", pageInstead);
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, xhr } = event.detail;
    if (!target.closest("#list") || (xhr.status < 400 && xhr.responseText.includes("data-list"))) return;
    event.detail.shouldSwap = false;
    pageInstead(event);
  });
  document.addEventListener("htmx:afterSettle", () => {
    const results = one("[data-list]");
    if (!results || dialog.open) return;
    announce(results.querySelector("[data-found]").textContent);
    // What had the focus may have gone, such as Next on the last page.
    if (document.activeElement === document.body) results.focus({ preventScroll: true });
  });

  // --- Clicks

  document.addEventListener("click", (event) => {
    const { target } = event;
    closeMenus(target);

    if (target.closest("[data-print]")) window.print();
    const copier = target.closest("[data-copy]");
    if (copier) copy(copier);

    const closer = target.closest("[data-popup-close]");
    if (closer && dialog && dialog.contains(closer)) {
      event.preventDefault();
      dialog.close();
    }

    const retry = target.closest("[data-popup-retry]");
    if (retry) loadPopup(content);

    const link = target.closest("a[data-popup]");
    const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (link && plain && dialog && dialog.showModal && window.htmx) {
      event.preventDefault();
      openPopup(link);
    }
  });

  // --- Downloads: how far a file is that is made while it is sent

  const LINE_FEED = 10;
  let download = null;

  // In place of the browser's own download, which knows no end; what is no file is left to the browser.
  async function startDownload(form, submitter) {
    if (download) return;
    download = new AbortController();
    const { dataset: words, content: template } = one("#download");
    const note = template.firstElementChild.cloneNode(true);
    const [text, bar, cancel] = ["p", "progress", "button"].map((tag) => note.querySelector(tag));
    const number = new Intl.NumberFormat(html.lang);
    let [lines, all] = [0, 0];
    const say = (message) => { // the first line is the head
      const done = Math.min(Math.max(lines - 1, 0), all);
      text.textContent = message.replace("%(done)s", number.format(done)).replace("%(all)s", number.format(all));
      bar.value = all ? done / all : 1;
    };
    const end = (message, tone) => {
      say(message);
      note.classList.replace("is-info", tone);
      if (document.activeElement === cancel) one("main").focus({ preventScroll: true });
      bar.remove();
      cancel.remove();
      announce(text.textContent);
    };
    cancel.addEventListener("click", () => download.abort());
    one("[data-downloads]").replaceChildren(note);
    announce(text.textContent);
    try {
      const body = new URLSearchParams(new FormData(form, submitter));
      const answer = await fetch(form.action, { method: "POST", body, signal: download.signal });
      const count = answer.headers.get("X-Row-Count");
      if (!answer.ok || answer.redirected || count === null) {
        note.remove();
        form.submit();
        return;
      }
      all = Number(count);
      const parts = [];
      const reader = answer.body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        parts.push(part.value);
        lines += part.value.reduce((found, byte) => found + (byte === LINE_FEED), 0);
        say(words.making);
      }
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
      [, link.download] = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"));
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      end(words.complete, "is-good");
    } catch {
      if (download.signal.aborted) end(words.cancelled, "is-warning");
      else end(words.broken, "is-bad");
    } finally {
      download = null;
    }
  }

  // Going elsewhere would end it.
  window.addEventListener("beforeunload", (event) => { if (download) event.preventDefault(); });

  // --- Forms

  const BUTTONS = "button:not([type=button], [type=reset]), input[type=submit]";

  function release(root) {
    all("[data-sent]", root).forEach((element) => {
      element.disabled = false;
      delete element.dataset.sent;
    });
  }

  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || form.method === "dialog") return;
    if (submitter && "download" in submitter.dataset) return; // the page stays, and so must its buttons
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    if ("download" in form.dataset) {
      event.preventDefault();
      startDownload(form, submitter);
      return;
    }
    if (form.method === "post") {
      form.dataset.sent = "yes";
      // After the event: a button that is disabled now would leave its name and value out of the post.
      setTimeout(() => all(BUTTONS, form).filter((button) => !button.disabled).forEach((button) => {
        button.dataset.sent = "yes";
        button.autocomplete = "off"; // Firefox would keep it disabled over a reload
        button.disabled = true;
      }));
    }
    if (dialog && dialog.contains(form) && window.htmx) {
      event.preventDefault();
      const given = (name) => (submitter && submitter.getAttribute(`form${name}`)) || form.getAttribute(name);
      load(form.method.toUpperCase(), given("action") || popupUrl, { source: form, values: new FormData(form, submitter) });
    }
  });

  function switchOptions(box) {
    const options = one(box.dataset.enables);
    if (options) options.disabled = !box.checked;
  }

  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-enables]")) switchOptions(target);
    if (target.matches("[data-tick-all]")) {
      all(`input[type=checkbox][name=operator][form="${target.dataset.tickAll}"]`).forEach((box) => { box.checked = target.checked; });
    }
  });

  // --- Copying

  async function copy(button) {
    const source = one(button.dataset.copy);
    if (!source) return;
    let text = (source.value ?? source.innerText).trim();
    if ("copyCompact" in button.dataset) text = text.replace(/\s+/g, "");
    try {
      await navigator.clipboard.writeText(text);
      button.dataset.label ??= button.textContent;
      button.textContent = button.dataset.copied;
      announce(button.dataset.copied);
      setTimeout(() => { button.textContent = button.dataset.label; }, 2500);
    } catch {
      // Not allowed here (no https, or refused): select it, so that the keyboard can copy it.
      if (source.select) source.select();
      else window.getSelection().selectAllChildren(source);
      announce(button.dataset.copyFailed || "");
    }
  }

  // --- Menus

  const openMenus = () => all("details:is(.nav-menu, .user-menu)[open]");
  const closeMenus = (kept) => openMenus().filter((menu) => !menu.contains(kept)).forEach((menu) => { menu.open = false; });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    openMenus().forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });

  document.addEventListener("focusin", ({ target }) => closeMenus(target));

  // --- Waits

  // As the server says it: minutes where seconds would be a large number.
  function inWords(seconds, words) {
    if (seconds === 1) return words.second.replace("%d", 1);
    if (seconds < 90) return words.seconds.replace("%d", seconds);
    return words.minutes.replace("%d", Math.round(seconds / 60));
  }

  function countDown(element) {
    const button = one(element.dataset.enable);
    const line = element.closest("p");
    // By the clock, not by counting ticks: a sleeping tab misses ticks.
    const end = Date.now() + Number(element.dataset.countdown) * 1000;
    delete element.dataset.countdown;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (button) button.disabled = left > 0;
      if (left > 0) element.textContent = inWords(left, line.dataset);
      else line.hidden = true;
      return left > 0;
    };
    if (tick()) {
      const timer = setInterval(() => { if (!tick()) clearInterval(timer); }, 500);
    }
  }

  // --- Start

  function prepare(root) {
    all("[data-enables]", root).forEach(switchOptions);
    all("[data-countdown]", root).forEach(countDown);
  }

  function rememberTimeZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!/^[\w+/-]+$/.test(zone) || document.cookie.split("; ").includes(`time_zone=${zone}`)) return;
    const secure = window.location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `time_zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  rememberTimeZone();
  prepare(document);
  if (one("main .has-error")) focusInside(one("main"));
  // The back button shows the page as it was left, with its buttons disabled and its boxes as they were ticked.
  window.addEventListener("pageshow", () => {
    release(document);
    all("[data-enables]").forEach(switchOptions);
  });
})();
