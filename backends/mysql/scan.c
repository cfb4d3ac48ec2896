/*
 * What the text of a statement tells about it.
 *
 * The server says when a variable, the database, a temporary table or the like changes, but not that a lock was taken by name, or a
 * variable set in the middle of a query.  So a text is looked at once, when it is prepared.  It counts as harmless only if it begins
 * with a word that is, names no user variable, and calls no function that is not in the list below: that could be a stored one, which
 * may do anything.  Nothing is taken apart: what only looks like a call, in a string or a comment, costs a reset that was not needed.
 *
 * What cannot be seen: a view or a trigger that calls a stored function that takes a lock by name.
 * SPDX-License-Identifier: MIT
 */
#include <ctype.h>
#include <strings.h>
#include "mys.h"

/* ---- words ---- */

/* A word of letters may be followed by a parenthesis and still keep nothing: keywords, types, and functions of the server. */
static const char harmless_calls[] =
    " abs acos adddate addtime aes_decrypt aes_encrypt after all and any any_value approx_count_distinct as asin atan "
    "atan2 avg before benchmark between bin bin_to_uuid binary bit bit_and bit_count bit_length bit_or bit_xor by case "
    "cast ceil ceiling char char_length character character_length charset check chr coalesce coercibility collation "
    "compress concat concat_ws connection_id conv convert convert_tz cos cot count crc32 crc32c cross cume_dist "
    "curdate "
    "current_date current_role current_time current_timestamp current_user curtime database date date_add date_format "
    "date_sub datediff datetime day dayname dayofmonth dayofweek dayofyear dec decimal decode_oracle default degrees "
    "dense_rank distinct div double elt else encode end escape except exists exp explain export_set extract "
    "extractvalue field find_in_set first_value float floor for force format format_bytes format_pico_time found_rows "
    "from from_base64 from_days from_unixtime geometrycollection get_format greatest group_concat grouping having hex "
    "hour if ifnull ignore in index inet6_aton inet6_ntoa inet_aton inet_ntoa inner insert instr int integer intersect "
    "interval into is is_free_lock is_ipv4 is_ipv6 is_used_lock is_uuid isnull join json json_array json_array_append "
    "json_array_insert json_arrayagg json_compact json_contains json_contains_path json_depth json_detailed "
    "json_equals "
    "json_exists json_extract json_insert json_keys json_length json_loose json_merge json_merge_patch "
    "json_merge_preserve json_normalize json_object json_object_filter_keys json_object_to_array json_objectagg "
    "json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid json_search json_set "
    "json_table json_type json_unquote json_valid json_value key lag last_day last_insert_id last_value lateral lcase "
    "lead least left length like limit linestring ln locate log log10 log2 lower lpad ltrim make_set makedate maketime "
    "match max md5 median member microsecond mid min minute mod month monthname multipoint multipolygon name_const "
    "natural_sort_key not now nth_value ntile nullif numeric nvl nvl2 oct octet_length of on or ord order over "
    "overlaps partition percent_rank percentile_cont percentile_disc period_add period_diff pi point polygon position "
    "pow power quarter quote radians rand random_bytes rank recursive regexp regexp_instr regexp_like regexp_replace "
    "regexp_substr repeat replace returning reverse right rlike round row row_count row_number rpad rtrim schema "
    "second "
    "sec_to_time select session_user set sformat sha sha1 sha2 sign signed sin some soundex space sqrt st_asbinary "
    "st_asgeojson st_astext st_distance st_distance_sphere st_geomfromgeojson st_geomfromtext st_geomfromwkb "
    "st_pointfromtext st_srid st_x st_y std stddev stddev_pop stddev_samp str_to_date strcmp subdate substr substring "
    "substring_index subtime sum sysdate system_user tan then time time_format time_to_sec timediff timestamp "
    "timestampadd timestampdiff to_base64 to_char to_days to_seconds trim truncate ucase uncompress "
    "uncompressed_length "
    "unhex union unix_timestamp unsigned update updatexml upper use user using utc_date utc_time utc_timestamp uuid "
    "uuid_short uuid_to_bin validate_password_strength value values var_pop var_samp varbinary varchar variance "
    "version "
    "vec_distance week weekday weekofyear weight_string when where with within xor year yearweek ";

#define WRITES MYS_RETURNS /* if that word is in it */

/* First words, and what is known of a statement that begins with one; of others, nothing. */
static const struct verb {
    const char *word;
    unsigned traits;
} verbs[] = {
    { "select", MYS_READS },
    { "with", MYS_READS },
    { "values", MYS_READS },
    { "table", MYS_READS },
    { "show", MYS_READS | MYS_MAY_ANSWER },
    { "explain", MYS_READS | MYS_MAY_ANSWER },
    { "describe", MYS_READS | MYS_MAY_ANSWER },
    { "desc", MYS_READS | MYS_MAY_ANSWER },
    { "insert", WRITES },
    { "replace", WRITES },
    { "update", WRITES },
    { "delete", WRITES },
    { "do", 0 },
    { "commit", MYS_MARKS },
    { "rollback", MYS_MARKS },
    { "savepoint", MYS_MARKS },
    { "release", MYS_MARKS },
    { "analyze", MYS_MAY_ANSWER | MYS_ENDS },
    { "check", MYS_MAY_ANSWER | MYS_ENDS },
    { "checksum", MYS_MAY_ANSWER | MYS_ENDS },
    { "repair", MYS_MAY_ANSWER | MYS_ENDS },
    { "optimize", MYS_MAY_ANSWER | MYS_ENDS },
    { "set", MYS_KEEPS | MYS_ENDS },
    { "use", MYS_KEEPS | MYS_ENDS },
    { "lock", MYS_KEEPS | MYS_ENDS },
    { "unlock", MYS_KEEPS | MYS_ENDS },
    { "flush", MYS_KEEPS | MYS_ENDS },
    { "create", MYS_KEEPS | MYS_ENDS },
    { "alter", MYS_KEEPS | MYS_ENDS },
    { "drop", MYS_KEEPS | MYS_ENDS },
    { "truncate", MYS_KEEPS | MYS_ENDS },
    { "rename", MYS_KEEPS | MYS_ENDS },
    { "start", MYS_KEEPS | MYS_ENDS },
    { "begin", MYS_KEEPS | MYS_ENDS },
    { "handler", MYS_KEEPS | MYS_MAY_ANSWER | MYS_ENDS },
    { "xa", MYS_KEEPS | MYS_MAY_ANSWER | MYS_ENDS },
};

#define ANYTHING (MYS_KEEPS | MYS_MOVES_ROLE | MYS_MAY_ANSWER | MYS_ENDS)
#define LONGEST_WORD 64

/* The lower-case form of the word that starts there, " word ", as it stands in the list above. */
static void spell(char out[LONGEST_WORD + 3], const char *word, size_t length)
{
    size_t n = 0;
    out[n++] = ' ';
    for (size_t i = 0; i < length && i < LONGEST_WORD; i++)
        out[n++] = (char)tolower((unsigned char)word[i]);
    out[n++] = ' ';
    out[n] = '\0';
}

static int is_space(char c)
{
    return c && strchr(" \t\r\n\f\v", c);
}

/* Of a name, quotes and the point between its parts included. */
static int is_name(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || (c && strchr("_$`\".", c));
}

static const char *skip_comment(const char *at)
{
    if (at[0] == '/' && at[1] == '*' && at[2] != '!' && at[2] != 'M') { /* those are code */
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    if (at[0] == '#' || (at[0] == '-' && at[1] == '-' && (is_space(at[2]) || !at[2])))
        return at + strcspn(at, "\n");
    return at;
}

/* Where the statement begins: behind white space, comments and parentheses. */
static const char *first_word(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f\v(;");
        const char *behind = skip_comment(at);
        if (behind == at)
            return at;
        at = behind;
    }
}

/* ---- calls ---- */

/* The name that ends before `end` is that of a table to be filled: INTO name (. */
static int follows_into(const char *sql, const char *name)
{
    while (name > sql && is_space(name[-1]))
        name--;
    return name - sql >= 4 && strncasecmp(name - 4, "into", 4) == 0 && (name - sql == 4 || !is_name(name[-5]));
}

/* What stands before that parenthesis, if it makes a call of it, may keep something. */
static int is_odd_call(const char *sql, const char *parenthesis, int has_line_comments)
{
    char spelt[LONGEST_WORD + 3];
    const char *end = parenthesis, *begin;
    while (end > sql && is_space(end[-1])) {
        if (has_line_comments && end[-1] == '\n')
            return 1; /* what is before it may be a comment, and the name before that */
        end--;
    }
    if (end > sql && end[-1] == '/')
        return 1;
    for (begin = end; begin > sql && is_name(begin[-1]); begin--)
        ;
    if (begin == end)
        return 0;
    spell(spelt, begin, (size_t)(end - begin));
    return !strstr(harmless_calls, spelt) && !follows_into(sql, begin);
}

static int has_odd_call(const char *sql)
{
    const int has_line_comments = strstr(sql, "--") || strchr(sql, '#');
    for (const char *p = strchr(sql, '('); p; p = strchr(p + 1, '('))
        if (is_odd_call(sql, p, has_line_comments))
            return 1;
    return 0;
}

/* @name, but not @@name: that is asked for, and set by SET alone. */
static int has_variable(const char *sql)
{
    for (const char *p = strchr(sql, '@'); p; p = strchr(p + 1, '@')) {
        if (p[1] != '@')
            return 1;
        p++;
    }
    return strstr(sql, ":=") != NULL;
}

static int mentions(const char *sql, const char *word)
{
    const size_t length = strlen(word);
    for (; *sql; sql++)
        if (strncasecmp(sql, word, length) == 0)
            return 1;
    return 0;
}

/* ---- all ---- */

static unsigned verb_traits(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strlen(verbs[i].word) == length && strncasecmp(verbs[i].word, word, length) == 0)
            return verbs[i].traits;
    return ANYTHING;
}

/* BEGIN and START that do no more than begin a transaction, which the server's status shows. */
static int begins_transaction(const char *word)
{
    static const char *const texts[] = { "begin", "begin work", "start transaction", "start transaction read only" };
    size_t length = strlen(word);
    while (length > 0 && (is_space(word[length - 1]) || word[length - 1] == ';'))
        length--;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strlen(texts[i]) == length && strncasecmp(texts[i], word, length) == 0)
            return 1;
    return 0;
}

unsigned mys_scan(const char *sql)
{
    const char *word = first_word(sql);
    size_t length = 0;
    while (isalpha((unsigned char)word[length]))
        length++;
    if (!*word)
        return MYS_EMPTY;
    unsigned traits = begins_transaction(word) ? 0 : verb_traits(word, length);
    if (has_variable(sql))
        traits |= MYS_KEEPS;
    if (has_odd_call(sql))
        traits |= traits & MYS_KEEPS ? 0 : MYS_KEEPS | MYS_MOVES_ROLE;
    if (traits & MYS_KEEPS && mentions(sql, "role"))
        traits |= MYS_MOVES_ROLE;
    if (traits & MYS_RETURNS && !mentions(sql, "returning"))
        traits &= ~MYS_RETURNS;
    return traits;
}
