// One use of each operation of the plena dialect that is no instruction, as the page shows it.

plena.kernel @sum {
  %zero = plena.get_register : !plena.gp<gp0>
  %start = plena.s_addi_int %zero, 64 : (!plena.gp<gp0>) -> !plena.gp
  %slot = plena.spill %start : (!plena.gp) -> !plena.slot
  %a0 = plena.copy %start : (!plena.gp) -> !plena.gp
  %sum = plena.loop 16 (%i : !plena.gp, %a = %a0 : !plena.gp) {
    %b = plena.s_add_int %a, %i : (!plena.gp, !plena.gp) -> !plena.gp
    plena.yield %i, %b : !plena.gp, !plena.gp
  }
  %again = plena.reload %slot : (!plena.slot) -> !plena.gp
}
