/** Building images with the classic builder. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Commands } from './commands.js';

export async function buildCommands(docker: Commands): Promise<void> {
  const { image, modern } = docker;
  let number = 0;
  /** Writes a context; returns its directory. */
  const context = (files: Record<string, string>): string => {
    const directory = join(docker.daemon.scratch, `context-${modern}-${number++}`);
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    return directory;
  };

  const simple = context({
    Dockerfile: `FROM ${image}
ARG WORD=default
ENV WORD=$WORD PLACE=/srv
WORKDIR $PLACE
COPY --chown=1000:2000 a.txt b*.txt ./
RUN echo $WORD > word && stat -c %u:%g a.txt >> word
LABEL kind=simple
CMD ["cat", "word"]
`,
    'a.txt': 'a\n',
    'b1.txt': 'b1\n',
    'secret.txt': 'secret\n',
    '.dockerignore': 'secret*\n',
  });
  await docker(
    `build -t test/simple:1 ${simple}`,
    /Step 1\/8 : FROM .*\n(.|\n)*Step 8\/8 : CMD(.|\n)*Successfully built [0-9a-f]{12}\nSuccessfully tagged test\/simple:1\n$/,
  );
  await docker('run --rm test/simple:1', 'default\n1000:2000');
  await docker(`build -t test/simple:1 ${simple}`, / ---> Using cache\n/);
  await docker(`build -q --no-cache ${simple}`, /^sha256:[0-9a-f]{64}\n$/);
  await docker(
    `build --build-arg WORD=given --label more=yes -t test/simple:2 ${simple}`,
    /Successfully tagged test\/simple:2/,
  );
  await docker('run --rm test/simple:2 cat word', 'given\n1000:2000');
  await docker(
    "image inspect --format '{{.Config.Labels.kind}} {{.Config.Labels.more}} {{.Config.WorkingDir}}' test/simple:2",
    'simple yes /srv',
  );
  await docker('run --rm test/simple:1 ls', 'a.txt\nb1.txt\nword');
  await docker("history --format '{{.CreatedBy}}' test/simple:1", /CMD \["cat" "word"\](.|\n)*COPY/);

  const stages = context({
    Dockerfile: `FROM ${image} AS first
RUN echo made > /made
FROM ${image} AS second
COPY --from=first /made /taken
USER user
HEALTHCHECK --interval=5s CMD true
STOPSIGNAL SIGUSR1
EXPOSE 80/tcp
VOLUME /data
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT ["cat"]
CMD ["/taken"]
FROM nosuch/image AS broken
`,
  });
  await docker(`build --target second -t test/stages ${stages}`, /Successfully tagged test\/stages:latest/);
  await docker('run --rm test/stages', 'made');
  await docker(
    "image inspect --format '{{.Config.User}} {{.Config.StopSignal}} {{json .Config.ExposedPorts}} {{json .Config.Volumes}} {{json .Config.Healthcheck.Test}}' test/stages",
    'user SIGUSR1 {"80/tcp":{}} {"/data":{}} ["CMD-SHELL","true"]',
  );
  await docker(`build --target nosuch ${stages}`, {
    code: 1,
    err: /failed to reach build target nosuch in Dockerfile/,
  });
  await docker(`build -t test/input -`, {
    input: `FROM ${image}\nRUN echo from input > /f\n`,
    out: /Successfully tagged test\/input:latest/,
  });
  await docker('run --rm test/input cat /f', 'from input');
  await docker(`build -f ${stages}/none ${stages}`, {
    code: 1,
    err: /no such file or directory|Cannot locate/,
  });
  await docker(`build ${context({ Dockerfile: 'NONSENSE here\n' })}`, {
    code: 1,
    err: /unknown instruction: NONSENSE/,
  });
  await docker(`build ${context({ Dockerfile: '' })}`, {
    code: 1,
    err: /file with no instructions|cannot be empty/,
  });
  await docker(`build ${context({ Dockerfile: `FROM ${image}\nRUN exit 7\n` })}`, {
    code: 7,
    err: /The command '\/bin\/sh -c exit 7' returned a non-zero code: 7/,
  });
  // The container of a failed step stays for a look, unless --force-rm.
  await docker(
    "ps -a --no-trunc --format '{{.Command}} {{.Status}}'",
    /^"\/bin\/sh -c 'exit 7'" Exited \(7\) /,
  );
  await docker('container prune -f', /Deleted Containers:/);
  await docker(`build --force-rm ${context({ Dockerfile: `FROM ${image}\nRUN exit 8\n` })}`, { code: 8 });
  await docker('ps -aq', '');
  await docker(`build ${context({ Dockerfile: `FROM ${image}\nCOPY none /\n` })}`, {
    code: 1,
    err: /COPY failed: (.*no such file or directory|file not found in build context)/,
  });
  await docker(`build ${context({ Dockerfile: `FROM ${image}\nCOPY ../x /\n` })}`, {
    code: 1,
    err: /forbidden path outside the build context|COPY failed/,
  });
  const onBuild = context({ Dockerfile: `FROM ${image}\nONBUILD RUN echo triggered > /t\n` });
  await docker(`build -t test/onbuild ${onBuild}`, /Successfully tagged/);
  await docker('build -t test/child -', { input: 'FROM test/onbuild\n', out: /# Executing 1 build trigger/ });
  await docker('run --rm test/child cat /t', 'triggered');
  await docker('image prune -f', /Total reclaimed space: /);
  await docker(
    'rmi test/simple:1 test/simple:2 test/stages test/input test/child test/onbuild',
    /Untagged: test\/simple:1/,
  );
}
