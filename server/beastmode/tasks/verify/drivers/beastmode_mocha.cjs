// Lets mocha run the tests of each group in the other order, where BEASTMODE_SEED is set. Loaded with --require.
"use strict";

const path = require("node:path");
const Mocha = require(require.resolve("mocha", { paths: [process.cwd(), path.dirname(require.main.filename)] }));

if (process.env.BEASTMODE_SEED) {
  const runSuite = Mocha.Runner.prototype.runSuite;
  Mocha.Runner.prototype.runSuite = function (suite, done) {
    suite.tests.reverse();
    suite.suites.reverse();
    return runSuite.call(this, suite, done);
  };
}
