plena.kernel @loads {
  %zero = plena.get_register : !plena.gp<gp0>
  %base = plena.c_set_addr_reg %zero, %zero : (!plena.gp<gp0>, !plena.gp<gp0>) -> !plena.addr
  plena.loop 8 (%i : !plena.gp) {
    %stride = plena.s_addi_int %zero, 128 : (!plena.gp<gp0>) -> !plena.gp
    plena.c_set_stride_reg %stride : (!plena.gp) -> ()
    plena.h_prefetch_m %zero, %zero, %base, 1, 1 : (!plena.gp<gp0>, !plena.gp<gp0>, !plena.addr) -> ()
    plena.yield %i : !plena.gp
  }
}
