/** The smallest service: every request is answered with a greeting. */
export default {
  fetch(): Response {
    return new Response('Hello from Noos\n');
  },
};
