// probot with a handler that does nothing, beside which our receiver is measured.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The packages stand beside the folder that the bench names, not beside this file.
const found = createRequire(process.env.PROBOT_FOLDER + "/package.json").resolve("probot");
const { createNodeMiddleware, createProbot } = await import(pathToFileURL(found).href);

const probot = createProbot({
  overrides: {
    appId: process.env.APP_ID,
    privateKey: process.env.PRIVATE_KEY,
    secret: process.env.WEBHOOK_SECRET,
    logLevel: "fatal",
  },
});
const middleware = await createNodeMiddleware((app) => app.onAny(() => {}), {
  probot,
  webhooksPath: "/webhooks/github",
});
createServer(async (request, response) => {
  if (request.url === "/health") {
    response.end("ok");
  } else if (!(await middleware(request, response))) {
    response.writeHead(404).end();
  }
}).listen(Number(process.env.PORT), "127.0.0.1");
