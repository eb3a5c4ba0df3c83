// All packages of Noos have one version and ask for each other in exactly that one.
import { readdirSync, readFileSync } from 'node:fs';

/** What is not in step with `version`, one line each; without `version`, with that of the command line. */
export function versionErrors(version) {
  const manifests = readdirSync('packages').map((name) =>
    JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8')),
  );
  const wanted = version ?? manifests.find(({ name }) => name === 'noos').version;
  const names = new Set(manifests.map(({ name }) => name));
  return manifests.flatMap((manifest) => [
    ...(manifest.version === wanted ? [] : [`${manifest.name} is ${manifest.version}, not ${wanted}`]),
    ...Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies })
      .filter(([name, range]) => names.has(name) && range !== wanted)
      .map(([name, range]) => `${manifest.name} asks for ${name} ${range}, not ${wanted}`),
  ]);
}
