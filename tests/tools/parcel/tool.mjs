// Parcel, which reads no `exports` unless it is told to.
import { page } from "../lib/ways.mjs";

async function built(project) {
  await project.run("parcel", ["build", "index.html", "--no-cache", "--public-url", "./"]);
  return { ...(await project.files("dist")), size: await project.size("dist") };
}
const rows = (row) => [{ ask: page("/index.html"), ...row }];

export default [
  {
    name: "Parcel",
    version: "2.16.4",
    home: "parcel",
    packages: { parcel: "2.16.4" },
    // Parcel's own rule for a package with "type": "module" and a plain name
    manifest: {},
    stages: [
      { quick: true, project: "page", open: built, rows: rows({ name: "page" }) },
      {
        project: "page",
        async open(project) {
          await project.set({ "@parcel/resolver-default": { packageExports: true } });
          return built(project);
        },
        rows: rows({
          name: "page, with packageExports",
          setting: '`"@parcel/resolver-default": { "packageExports": true }` in package.json',
        }),
      },
    ],
  },
];
