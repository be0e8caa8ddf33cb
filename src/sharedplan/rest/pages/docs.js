// Draws the operations of openapi.json into the page. The token that is typed in is kept in memory only.
"use strict";

// Swagger UI copies whatever a $ref points at into its place, and every element can have extensions, which can hold
// every type: followed to the end, one operation would take a minute to open. So the page shows that an extension is
// possible and does not open it; openapi.json has all of it.
const UNOPENED = /\/(Extension|Element)$/;

function withoutExtensions(part) {
  if (Array.isArray(part)) return part.map(withoutExtensions);
  if (part === null || typeof part !== "object") return part;
  const { $ref, ...rest } = part;
  if (typeof $ref === "string" && UNOPENED.test($ref)) return { type: "object", title: $ref.split("/").pop(), ...rest };
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, withoutExtensions(value)]));
}

async function draw() {
  const answer = await fetch("openapi.json");
  const spec = await answer.json();
  spec.components.schemas = withoutExtensions(spec.components.schemas);
  const ui = SwaggerUIBundle({
    spec,
    dom_id: "#operations",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 2,
    displayRequestDuration: true,
    filter: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    validatorUrl: null,
    onComplete: () => {
      if (!window.location.hash) ui.layoutActions.show(["operations-tag", "CarePlan"], true);
    },
  });
}

draw();
