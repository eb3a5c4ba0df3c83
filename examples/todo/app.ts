/** A small JSON API, routed by Hono as npm has it. Tasks live in memory and are gone at the next start. */
import { env } from 'noos:env';
import { Hono } from 'hono';

declare module 'noos:env' {
  interface Env {
    /** Heading of the overview. */
    TITLE?: string;
  }
}

interface Task {
  id: string;
  title: string;
  done: boolean;
}

const tasks = new Map<string, Task>();
const app = new Hono();

app.onError((error, context) => {
  console.error(error);
  return context.json({ error: 'something went wrong here' }, 500);
});
app.notFound((context) => context.json({ error: 'there is no such resource' }, 404));

app.get('/', (context) => context.text(`${env.TITLE ?? 'Tasks'}: ${tasks.size}\n`));
app.get('/tasks', (context) => {
  const wanted = context.req.query('done');
  const found = [...tasks.values()].filter(({ done }) => wanted === undefined || String(done) === wanted);
  return context.json(found);
});
app.post('/tasks', async (context) => {
  const { title } = await context.req.json<Partial<Task>>().catch(() => ({ title: undefined }));
  if (typeof title !== 'string' || title.trim() === '')
    return context.json({ error: 'a task needs a title' }, 400);
  const task = { id: crypto.randomUUID(), title, done: false };
  tasks.set(task.id, task);
  return context.json(task, 201, { location: `/tasks/${task.id}` });
});
app.get('/tasks/:id', (context) => {
  const task = tasks.get(context.req.param('id'));
  return task === undefined ? context.notFound() : context.json(task);
});
app.patch('/tasks/:id', async (context) => {
  const task = tasks.get(context.req.param('id'));
  if (task === undefined) return context.notFound();
  const change = await context.req.json<Partial<Task>>();
  if (typeof change.title === 'string') task.title = change.title;
  if (typeof change.done === 'boolean') task.done = change.done;
  return context.json(task);
});
app.delete('/tasks/:id', (context) =>
  tasks.delete(context.req.param('id')) ? context.body(null, 204) : context.notFound(),
);

export default app;
