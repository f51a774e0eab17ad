"use strict";

// A key that is typed in stays in this tab's memory: it is not stored, and is sent to this server alone.
SwaggerUIBundle({
  url: document.getElementById("reference").dataset.document,
  dom_id: "#reference",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  requestSnippetsEnabled: true,
  tryItOutEnabled: true,
  // Nothing is asked of any other server.
  validatorUrl: null,
  queryConfigEnabled: false,
});
