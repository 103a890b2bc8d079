#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "runtime/lib/library.h"
#include <stdlib.h>
struct library {int x;};
struct library *libraries_create(void){return calloc(1,sizeof(struct library));}
void libraries_destroy(struct wpk_context *c){free(c->libraries);}
int library_version(struct wpk_context *c, enum library_kind k,const char **why){*why="none";return 0;}
enum wpk_status library_call_create(struct wpk_context *c, const json_t *step,struct library_call **out, struct wpk_error *e){return fail(e,WPK_E_LIBRARY,"none");}
void library_call_destroy(struct library_call *l){}
const struct place *library_call_places(const struct library_call *l, int *n){*n=0;return NULL;}
enum wpk_status library_call_ready(struct library_call *l, size_t *workspace,struct wpk_error *e){return fail(e,WPK_E_LIBRARY,"none");}
enum wpk_status library_call_run(const struct library_call *l,void *const *addresses, void *workspace, wpk_stream stream,struct wpk_error *e){return fail(e,WPK_E_LIBRARY,"none");}
