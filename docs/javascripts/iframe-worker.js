/* Search in pages that are opened from the disk: there browsers start no workers, so a hidden frame does their work.
   The theme's search looks for the name IFrameWorker in the frame's parent. */
"use strict";

if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.body.appendChild(Object.assign(document.createElement("iframe"), { hidden: true }));
      const page = this.frame.contentDocument;
      this.heard = (event) => {
        if (event.source === this.frame.contentWindow) {
          this.dispatchEvent(new MessageEvent("message", { data: event.data }));
        }
      };
      window.addEventListener("message", this.heard);
      page.open();
      page.write(`<script>
        var postMessage = (data) => parent.dispatchEvent(new MessageEvent("message", { data, source: window }));
        var importScripts = (...urls) => Promise.all(urls.flat().map((url) => new Promise((done, failed) => {
          const script = Object.assign(document.createElement("script"), { src: url, onload: done, onerror: failed });
          document.body.appendChild(script);
        })));
      </script><body><script src="${url}"></script></body>`);
      page.close();
      this.loaded = new Promise((done) => { this.frame.contentWindow.addEventListener("load", done); });
    }

    postMessage(data) {
      this.loaded.then(() => this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      window.removeEventListener("message", this.heard);
      this.frame.remove();
    }
  };
  window.Worker = window.IFrameWorker;
}
