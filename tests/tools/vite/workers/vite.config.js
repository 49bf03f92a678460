export default {
  build: { rollupOptions: { input: ["module.html", "import.html", "shared.html"] } },
};
