/* Speaks with RHVoice.dll: for each line "FILE<tab>TEXT" (UTF-8) of the standard input, raw 16-bit
   samples at 24 kHz in FILE. Arguments: RHVoice.dll, its data directory, a voice, its rate.
   A Windows program, because the Python package index has the library for Windows only; wine runs
   it. The structures are those of RHVoice.h 1.14. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define RATE 24000

typedef struct {
  int (*set_sample_rate)(int rate, void *data);
  int (*play_speech)(const short *samples, unsigned count, void *data);
  void *unused[6];
  void (*done)(void *data);
} Callbacks;

typedef struct {
  const char *data_path, *config_path;
  const char **resource_paths;
  Callbacks callbacks;
  unsigned options;
} InitParams;

typedef struct {
  const char *voice_profile;
  double absolute_rate, absolute_pitch, absolute_volume;
  double relative_rate, relative_pitch, relative_volume;
  int punctuation_mode;
  const char *punctuation_list;
  int capitals_mode, flags;
} SynthParams;

typedef void *(*NewEngine)(const InitParams *);
typedef void *(*NewMessage)(void *, const char *, unsigned, int, const SynthParams *, void *);

static FILE *out;

static int on_rate(int rate, void *data) { return rate == RATE; }

static int on_speech(const short *samples, unsigned count, void *data) {
  return fwrite(samples, sizeof *samples, count, out) == count;
}

static void on_done(void *data) {}

static int fail(const char *what) {
  fprintf(stderr, "rhvoice: %s\n", what);
  return 1;
}

int main(int argc, char **argv) {
  static char line[65536];
  if (argc != 5) return fail("arguments: DLL DATA VOICE RATE");
  HMODULE library = LoadLibraryA(argv[1]);
  if (!library) return fail("no library");
  NewEngine new_engine = (NewEngine)GetProcAddress(library, "RHVoice_new_tts_engine");
  NewMessage new_message = (NewMessage)GetProcAddress(library, "RHVoice_new_message");
  int (*speak)(void *) = (int (*)(void *))GetProcAddress(library, "RHVoice_speak");
  void (*delete)(void *) = (void (*)(void *))GetProcAddress(library, "RHVoice_delete_message");
  const char *no_resources[] = {NULL};
  InitParams init = {argv[2], argv[2], no_resources, {on_rate, on_speech, {0}, on_done}, 0};
  SynthParams params = {argv[3], 0, 0, 0, atof(argv[4]), 1, 1, 1, NULL, 0, 0};
  void *engine = new_engine(&init);
  if (!engine) return fail("no engine");
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\r\n")] = 0;
    char *text = strchr(line, '\t');
    if (!text) return fail("a line without a tab");
    *text++ = 0;
    void *message = new_message(engine, text, (unsigned)strlen(text), 0, &params, NULL);
    if (!message || !(out = fopen(line, "wb"))) return fail(line);
    speak(message);
    delete(message);
    if (fclose(out)) return fail(line);
  }
  return 0;
}
