"use strict";

// The token that was entered under Authorize goes with every request, also to
// operations for people and agents alike, which name no single scheme. It is
// kept in memory: a reload forgets it.
function withToken(request) {
  const entered = window.ui && window.ui.authSelectors.authorized();
  const token = entered && entered.getIn(["HTTPBearer", "value"]);
  const ours = new URL(request.url, location.href).origin === location.origin;
  if (token && ours && !request.headers.Authorization) {
    request.headers.Authorization = "Bearer " + token;
  }
  return request;
}

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: withToken,
});
