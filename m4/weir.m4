dnl Macros of this tree alone: the switch of a driver, and flags that a compiler may not know.
dnl SPDX-License-Identifier: MIT

dnl WEIR_ARG_DRIVER(name, pkg-config modules)
dnl
dnl Adds --with-NAME=builtin|module|no|auto.  What is chosen is left in $with_NAME (builtin, module or no), in the conditionals
dnl WITH_NAME_BUILTIN and WITH_NAME_MODULE and, for the table in lib/driver/builtin.c, in the define WITH_NAME_BUILTIN.
dnl `auto` may find nothing; what was asked for by name must be there.
AC_DEFUN([WEIR_ARG_DRIVER], [
  m4_pushdef([NAME], m4_toupper([$1]))
  AC_ARG_WITH([$1],
    [AS_HELP_STRING([--with-$1=HOW], [the $1 driver: builtin, module, no or auto @<:@auto@:>@])],
    [], [with_$1=auto])
  AS_CASE([$with_$1],
    [yes], [with_$1=builtin],
    [builtin|module|no|auto], [],
    [AC_MSG_ERROR([--with-$1=$with_$1: say builtin, module, no or auto])])
  AS_IF([test "$with_$1:$enable_shared" = module:no],
    [AC_MSG_ERROR([--with-$1=module needs shared libraries])])

  AS_IF([test "$with_$1" = no], [],
    [test ! -d "$srcdir/backends/$1"],
    [AS_IF([test "$with_$1" != auto], [AC_MSG_ERROR([--with-$1=$with_$1: this release has no $1 driver])])
     with_$1=no],
    [PKG_CHECK_MODULES(NAME, [$2],
       [AS_IF([test "$with_$1" = auto], [with_$1=builtin])],
       [AS_IF([test "$with_$1" != auto], [AC_MSG_ERROR([--with-$1=$with_$1: pkg-config finds no $2])])
        with_$1=no])])

  AS_IF([test "$with_$1" = builtin],
    [AC_DEFINE([WITH_]NAME[_BUILTIN], [1], [The $1 driver is part of the library.])
     drivers="$drivers $1"
     requires_private="$requires_private $2"])
  AS_IF([test "$with_$1" = module], [modules="$modules $1"])
  AM_CONDITIONAL([WITH_]NAME[_BUILTIN], [test "$with_$1" = builtin])
  AM_CONDITIONAL([WITH_]NAME[_MODULE], [test "$with_$1" = module])
  m4_popdef([NAME])
])

dnl WEIR_ARG_FLAGS(variable, flags)
dnl
dnl Appends the flags to the variable if the compiler takes them.
AC_DEFUN([WEIR_ARG_FLAGS], [
  AC_MSG_CHECKING([whether $CC accepts $2])
  weir_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $2"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
    [AC_MSG_RESULT([yes])
     $1="$$1 $2"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$weir_save_CFLAGS
])
