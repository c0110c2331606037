// Browsers start no worker on a page read from a folder (file:), which the theme's search runs in.
// There a hidden frame, whose script has its own globals, takes the worker's place.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      this.terminate = () => frame.remove();
      this.ready = new Promise((resolve) => {
        const script = inside.document.createElement("script");
        inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        inside.importScripts = () => {};
        script.onload = () => resolve(inside);
        script.src = new URL(url, location.href).href;
        inside.document.body.append(script);
      });
    }
    postMessage(data) {
      this.ready.then((inside) => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
    }
  };
}
