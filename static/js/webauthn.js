// A form with data-security-key asks the browser for a security key before it is sent:
// "create" makes a new one, "get" uses one. What is asked stands in the JSON of data-options.
(() => {
  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");
  const known = (keys) => (keys || []).map((key) => ({ ...key, id: bytes(key.id) }));

  async function ask(how, { publicKey: asked }) {
    const publicKey = { ...asked, challenge: bytes(asked.challenge) };
    if (how === "create") {
      publicKey.user = { ...asked.user, id: bytes(asked.user.id) };
      publicKey.excludeCredentials = known(asked.excludeCredentials);
    } else publicKey.allowCredentials = known(asked.allowCredentials);
    const key = await navigator.credentials[how]({ publicKey });
    const response = {};
    for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (key.response[part]) response[part] = text(key.response[part]);
    return {
      type: key.type,
      id: key.id,
      rawId: text(key.rawId),
      response,
      clientExtensionResults: key.getClientExtensionResults(),
    };
  }

  for (const form of document.querySelectorAll("form[data-security-key]"))
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const failed = form.querySelector("[data-key-failed]");
      failed.hidden = true;
      try {
        const options = JSON.parse(document.getElementById(form.dataset.options).textContent);
        form.elements.credential.value = JSON.stringify(await ask(form.dataset.securityKey, options));
        form.submit();
      } catch {
        failed.hidden = false;
      }
    });
})();
