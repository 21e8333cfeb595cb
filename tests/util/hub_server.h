/* tests/util/hub_server.h - a small hub on this machine, for the tests of pull: lists a repository, serves its files
 * (the large ones by a redirect to another host name, as the real one does), keeps a log, and misbehaves on demand;
 * over TLS too. */
#ifndef DWELL_TESTS_HUB_SERVER_H
#define DWELL_TESTS_HUB_SERVER_H

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/testing.h"

#define SERVER_COMMIT "0123456789abcdef0123456789abcdef01234567"

typedef struct server_file {
  const char *name, *data;
  size_t size;
  bool large;    /* listed with a SHA-256, and served by redirect */
  char hash[65]; /* as listed */
} server_file;

typedef enum server_act {
  ACT_STATUS,      /* answers with code `number`; `text` has more header lines */
  ACT_REDIRECT,    /* to `text` with code 307; %d in it is the port */
  ACT_CUT,         /* closes the connection after `number` bytes of the body */
  ACT_STALL,       /* after `number` bytes of the body waits until the other side goes away */
  ACT_NO_RANGE,    /* sends the whole, code 200, whatever was asked for */
  ACT_OTHER_RANGE, /* says and sends a part that was not asked for */
  ACT_GARBLE,      /* one byte is another one */
  ACT_LONGER,      /* more bytes than were listed */
  ACT_UNBOUNDED,   /* the same, without a Content-Length */
  ACT_SHORT,       /* `number` bytes without a Content-Length, as if they were all */
  ACT_ETAG,        /* the ETag is `text` */
  ACT_BODY,        /* the body is `text`, code 200 */
} server_act;

/* The next `times` requests whose path contains `match`. */
typedef struct server_rule {
  const char *match;
  int times;
  server_act act;
  int64_t number;
  const char *text;
} server_rule;

typedef struct hub_server {
  int listener, port;
  pthread_t thread;
  pthread_mutex_t lock;
  server_file files[16];
  size_t file_count;
  server_rule rules[16];
  size_t rule_count;
  const char *list;  /* instead of the list of the files; NULL: that */
  bool no_hashes;    /* the list has names only */
  SSL_CTX *tls;      /* https is spoken; NULL: http */
  char log[1 << 16]; /* a line "METHOD PATH[ range=N][ token=TOKEN] host=HOST" for each request */
} hub_server;

static inline void server_hash(server_file *f) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size;
  char header[64];
  EVP_MD_CTX *c = EVP_MD_CTX_new();
  EVP_DigestInit_ex(c, f->large ? EVP_sha256() : EVP_sha1(), NULL);
  int length = sprintf(header, "blob %zu", f->size);
  if (!f->large) EVP_DigestUpdate(c, header, (size_t)length + 1);
  EVP_DigestUpdate(c, f->data, f->size);
  EVP_DigestFinal_ex(c, bytes, &size);
  EVP_MD_CTX_free(c);
  for (unsigned i = 0; i < size; i++) sprintf(f->hash + 2 * i, "%02x", bytes[i]);
}

static inline server_file *server_add(hub_server *s, const char *name, const char *data, size_t size, bool large) {
  server_file *f = &s->files[s->file_count++];
  *f = (server_file){.name = name, .data = data, .size = size, .large = large};
  server_hash(f);
  return f;
}

static inline void server_rule_add(hub_server *s, server_rule rule) {
  pthread_mutex_lock(&s->lock);
  s->rules[s->rule_count++] = rule;
  pthread_mutex_unlock(&s->lock);
}

/* Forgets rules and log. */
static inline void server_forget(hub_server *s) {
  pthread_mutex_lock(&s->lock);
  s->rule_count = 0;
  s->log[0] = '\0';
  pthread_mutex_unlock(&s->lock);
}

/* How often `text` is in the log. */
static inline size_t server_count(hub_server *s, const char *text) {
  size_t count = 0;
  pthread_mutex_lock(&s->lock);
  for (const char *at = s->log; (at = strstr(at, text)) != NULL; at++) count++;
  pthread_mutex_unlock(&s->lock);
  return count;
}

/* ---- one request ---- */

typedef struct server_request {
  char method[8], path[2048], host[128], token[256];
  int64_t from; /* of a Range; 0: none */
  bool ranged;
} server_request;

/* Of this thread's connection, of which each has one; NULL: http. */
static _Thread_local SSL *server_secret;

static inline ssize_t server_receive(int fd, void *data, size_t size) {
  return server_secret != NULL ? SSL_read(server_secret, data, (int)size) : recv(fd, data, size, 0);
}

static inline bool server_read(int fd, server_request *r) {
  char text[16384];
  size_t length = 0;
  *r = (server_request){0};
  while (length < sizeof text - 1) {
    ssize_t got = server_receive(fd, text + length, sizeof text - 1 - length);
    if (got <= 0) return false;
    length += (size_t)got;
    text[length] = '\0';
    if (strstr(text, "\r\n\r\n") != NULL) break;
  }
  if (sscanf(text, "%7s %2047s", r->method, r->path) != 2) return false;
  char *line = strstr(text, "\r\n");
  for (; line != NULL; line = strstr(line + 2, "\r\n")) {
    long long from;
    char *at = line + 2;
    if (strncasecmp(at, "Range: bytes=", 13) == 0 && sscanf(at + 13, "%lld-", &from) == 1)
      r->from = from, r->ranged = true;
    if (strncasecmp(at, "Host: ", 6) == 0) sscanf(at + 6, "%127[^\r]", r->host);
    if (strncasecmp(at, "Authorization: ", 15) == 0) sscanf(at + 15, "%255[^\r]", r->token);
  }
  return true;
}

static inline void server_note(hub_server *s, const server_request *r, server_rule *ret_rule) {
  char line[4096];
  int length = snprintf(line, sizeof line, "%s %s", r->method, r->path);
  if (r->ranged) length += sprintf(line + length, " range=%lld", (long long)r->from);
  if (r->token[0]) length += sprintf(line + length, " token=%s", r->token);
  sprintf(line + length, " host=%s\n", r->host);
  pthread_mutex_lock(&s->lock);
  if (strlen(s->log) + strlen(line) < sizeof s->log) strcat(s->log, line);
  *ret_rule = (server_rule){.times = 0};
  for (size_t i = 0; i < s->rule_count && ret_rule->times == 0; i++) {
    server_rule *rule = &s->rules[i];
    if (rule->times == 0 || strstr(r->path, rule->match) == NULL) continue;
    *ret_rule = *rule;
    rule->times--;
  }
  pthread_mutex_unlock(&s->lock);
}

static inline void server_send(int fd, const char *data, size_t size) {
  while (size > 0) {
    int part = size < 1 << 20 ? (int)size : 1 << 20;
    ssize_t sent = server_secret != NULL ? SSL_write(server_secret, data, part) : send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return;
    data += sent, size -= (size_t)sent;
  }
}

static inline void server_words(int fd, const char *status, const char *headers, const char *body) {
  char text[8192];
  int length = snprintf(text, sizeof text, "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n", status,
                        strlen(body), headers);
  server_send(fd, text, (size_t)length);
  server_send(fd, body, strlen(body));
}

static inline void server_wait_for_end(int fd) {
  char byte;
  struct pollfd p = {.fd = fd, .events = POLLIN};
  while (poll(&p, 1, 60000) == 1 && recv(fd, &byte, 1, 0) > 0) continue;
}

/* Contents, with whatever the rule says is wrong with them. */
static inline void server_contents(int fd, const server_request *r, const server_file *f, const server_rule *rule) {
  bool active = rule->times > 0, head = strcmp(r->method, "HEAD") == 0;
  server_act act = active ? rule->act : ACT_STATUS;
  size_t from = r->ranged && !(active && act == ACT_NO_RANGE) ? (size_t)r->from : 0;
  bool part = from > 0 || (r->ranged && !(active && act == ACT_NO_RANGE));
  if (active && act == ACT_OTHER_RANGE && from > 0) from--;
  if (from > 0 && from >= f->size) return server_words(fd, "416 Range Not Satisfiable", "", "");
  size_t size = f->size - from, extra = active && (act == ACT_LONGER || act == ACT_UNBOUNDED) ? 10 : 0;
  char *body = malloc(size + extra + 1), headers[1024] = "";
  memcpy(body, f->data + from, size);
  memset(body + size, 'x', extra);
  if (active && act == ACT_GARBLE) body[size / 2] ^= 1;
  size += extra;
  int n = 0;
  bool bounded = !(active && (act == ACT_UNBOUNDED || act == ACT_SHORT));
  if (bounded) n += sprintf(headers + n, "Content-Length: %zu\r\n", size);
  if (part) n += sprintf(headers + n, "Content-Range: bytes %zu-%zu/%zu\r\n", from, from + size - 1, f->size);
  if (active && act == ACT_ETAG) n += sprintf(headers + n, "ETag: %s\r\n", rule->text);
  else if (!f->large) n += sprintf(headers + n, "ETag: W/\"%s\"\r\n", f->hash);
  else n += sprintf(headers + n, "ETag: \"of-the-storage\"\r\n");
  char top[2048];
  int length =
      sprintf(top, "HTTP/1.1 %s\r\nConnection: close\r\n%s\r\n", part ? "206 Partial Content" : "200 OK", headers);
  server_send(fd, top, (size_t)length);
  bool broken = active && (act == ACT_CUT || act == ACT_STALL || act == ACT_SHORT);
  size_t sent = broken && (size_t)rule->number < size ? (size_t)rule->number : size;
  if (!head) server_send(fd, body, sent);
  if (active && act == ACT_STALL) server_wait_for_end(fd);
  free(body);
}

static inline void server_list(hub_server *s, int fd) {
  if (s->list != NULL) return server_words(fd, "200 OK", "Content-Type: application/json\r\n", s->list);
  char text[8192];
  int n =
      sprintf(text, "{\"_id\":\"x\",\"id\":\"org/net\",\"sha\":\"%s\",\"gated\":false,\"siblings\":[", SERVER_COMMIT);
  for (size_t i = 0; i < s->file_count; i++) {
    const server_file *f = &s->files[i];
    n += sprintf(text + n, "%s{\"rfilename\":\"%s\"", i ? "," : "", f->name);
    if (!s->no_hashes && !f->large) n += sprintf(text + n, ",\"size\":%zu,\"blobId\":\"%s\"", f->size, f->hash);
    if (!s->no_hashes && f->large)
      n += sprintf(text + n,
                   ",\"size\":%zu,\"blobId\":\"%040d\",\"lfs\":{\"sha256\":\"%s\",\"size\":%zu,\"pointerSize\":134}",
                   f->size, 7, f->hash, f->size);
    n += sprintf(text + n, "}");
  }
  sprintf(text + n, "],\"tags\":[\"a\"]}");
  server_words(fd, "200 OK", "Content-Type: application/json\r\n", text);
}

static inline const server_file *server_find(const hub_server *s, const char *name, bool by_hash) {
  for (size_t i = 0; i < s->file_count; i++) {
    if (strcmp(by_hash ? s->files[i].hash : s->files[i].name, name) == 0) return &s->files[i];
  }
  return NULL;
}

static inline void server_resolve(hub_server *s, int fd, const server_request *r, const char *name,
                                  const server_rule *rule) {
  char plain[1024];
  size_t n = 0;
  for (unsigned code; *name != '\0' && n < sizeof plain - 1; n++) {
    bool escape = *name == '%' && sscanf(name + 1, "%2x", &code) == 1;
    plain[n] = escape ? (char)code : *name;
    name += escape ? 3 : 1;
  }
  plain[n] = '\0';
  const server_file *f = server_find(s, plain, false);
  if (f == NULL) return server_words(fd, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", "no");
  if (!f->large) return server_contents(fd, r, f, rule);
  char headers[1024];
  snprintf(headers, sizeof headers,
           "X-Linked-Etag: %s\r\nETag: \"other\"\r\nX-Linked-Size: %zu\r\nLocation: http%s://localhost:%d/cdn/%s\r\n",
           rule->times > 0 && rule->act == ACT_ETAG ? rule->text : f->hash, f->size, s->tls ? "s" : "", s->port,
           f->hash);
  server_words(fd, "302 Found", headers, "Found. Redirecting");
}

static inline void server_answer(hub_server *s, int fd) {
  server_request r;
  server_rule rule;
  char line[1100];
  if (!server_read(fd, &r)) return;
  server_note(s, &r, &rule);
  if (rule.times > 0 && rule.act == ACT_STATUS) {
    snprintf(line, sizeof line, "%d Some Words", (int)rule.number);
    return server_words(fd, line, rule.text ? rule.text : "", "<html>");
  }
  if (rule.times > 0 && rule.act == ACT_BODY) return server_words(fd, "200 OK", "", rule.text);
  if (rule.times > 0 && rule.act == ACT_REDIRECT) {
    int length = sprintf(line, "Location: ");
    length += snprintf(line + length, 1000, rule.text, s->port);
    sprintf(line + length, "\r\n");
    return server_words(fd, "307 Temporary Redirect", line, "moved");
  }
  const char *resolve = strstr(r.path, "/resolve/" SERVER_COMMIT "/"), *cdn = strstr(r.path, "/cdn/");
  if (strstr(r.path, "/api/models/") != NULL) return server_list(s, fd);
  if (resolve != NULL) return server_resolve(s, fd, &r, resolve + strlen("/resolve/" SERVER_COMMIT "/"), &rule);
  const server_file *f = cdn != NULL ? server_find(s, cdn + strlen("/cdn/"), true) : NULL;
  if (f != NULL) return server_contents(fd, &r, f, &rule);
  server_words(fd, "404 Not Found", "", "no");
}

typedef struct server_call {
  hub_server *server;
  int fd;
} server_call;

static inline void *server_connection(void *argument) {
  server_call *c = argument;
  bool heard = true;
  if (c->server->tls != NULL) {
    sigset_t pipe; /* SSL_write has no MSG_NOSIGNAL */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    server_secret = SSL_new(c->server->tls);
    SSL_set_fd(server_secret, c->fd);
    heard = SSL_accept(server_secret) == 1; /* the other side may not trust us */
  }
  if (heard) server_answer(c->server, c->fd);
  if (server_secret != NULL && heard) SSL_shutdown(server_secret);
  SSL_free(server_secret);
  shutdown(c->fd, SHUT_WR);
  server_wait_for_end(c->fd); /* so that what was sent is not lost to a reset */
  close(c->fd);
  free(c);
  return NULL;
}

static inline void *server_loop(void *argument) {
  hub_server *s = argument;
  for (int fd; (fd = accept(s->listener, NULL, NULL)) >= 0;) {
    server_call *c = malloc(sizeof *c);
    pthread_t thread;
    c->server = s, c->fd = fd;
    if (pthread_create(&thread, NULL, server_connection, c) != 0) abort();
    pthread_detach(thread);
  }
  return NULL;
}

/* One for the whole test program; it ends with it. HF_ENDPOINT names it. */
static inline hub_server *server_start(void) {
  static hub_server server;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (server.port == 0) {
    pthread_mutex_init(&server.lock, NULL);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server.listener < 0 || bind(server.listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server.listener, 16) != 0 || getsockname(server.listener, (struct sockaddr *)&address, &length) != 0 ||
        pthread_create(&server.thread, NULL, server_loop, &server) != 0)
      fail_msg("cannot start a server on this machine");
    server.port = ntohs(address.sin_port);
  }
  server_forget(&server);
  server.file_count = 0;
  server.list = NULL;
  server.no_hashes = false;
  SSL_CTX_free(server.tls);
  server.tls = NULL;
  setenv("HF_ENDPOINT", testing_format("http://127.0.0.1:%d", server.port), 1);
  setenv("NO_PROXY", "127.0.0.1,localhost", 1);
  setenv("no_proxy", "127.0.0.1,localhost", 1);
  return &server;
}

/* A certificate of the host `localhost`, signed by itself, for this run only. */
static inline X509 *server_certificate(EVP_PKEY *key) {
  X509 *x = X509_new();
  X509_NAME *name = X509_get_subject_name(x);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 24 * 3600);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_set_pubkey(x, key);
  static const struct {
    int kind;
    const char *value;
  } extensions[] = {{NID_basic_constraints, "critical,CA:TRUE"}, {NID_subject_alt_name, "DNS:localhost"}};
  for (size_t i = 0; i < 2; i++) {
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, extensions[i].kind, extensions[i].value);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
  }
  if (X509_sign(x, key, EVP_sha256()) == 0) fail_msg("cannot sign a certificate");
  return x;
}

/* Makes a started server speak https as `localhost`; the certificate is written to `path`. HF_ENDPOINT names it. */
static inline void server_use_tls(hub_server *s, const char *path) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = server_certificate(key);
  FILE *file = fopen(path, "w");
  assert_true(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
  s->tls = SSL_CTX_new(TLS_server_method());
  assert_true(SSL_CTX_use_certificate(s->tls, certificate) == 1 && SSL_CTX_use_PrivateKey(s->tls, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  setenv("HF_ENDPOINT", testing_format("https://localhost:%d", s->port), 1);
}

/* The tests of downloads skip where the build has no libcurl. */
static inline bool server_useful(void) {
#ifdef DWELL_HAVE_CURL
  return true;
#else
  print_message("skipped: this build has no libcurl\n");
  skip();
  return false;
#endif
}

#endif
