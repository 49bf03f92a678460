const pkg = require("l402-fetch");
const { pathToFileURL } = require("node:url");

const [base, shop] = process.argv.slice(-2);
import(pathToFileURL(require.resolve("./buy.js")))
  .then(({ buy }) => buy(pkg, base, shop))
  .then((results) => {
    console.log(JSON.stringify(results));
    process.exit(0);
  });
