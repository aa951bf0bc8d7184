module.exports = require("./build/Release/hugepages.node");
