// SPDX-License-Identifier: MIT OR Apache-2.0
// The table of the package's README: signals just before each edge.

module timing;
    reg clk = 0, rst = 1, cmd_valid = 0;
    reg [3:0] cmd_op = 1;
    wire cmd_ready, rsp_valid;
    wire [31:0] rsp_value;
    wire [63:0] contexts;
    integer edges = 0;

    atomik_edge_imu_imu_fusion dut (
        .clk(clk), .rst(rst), .cmd_valid(cmd_valid), .cmd_ready(cmd_ready), .cmd_op(cmd_op),
        .cmd_mask(1'b1), .cmd_expect(1'b0), .value_state(32'h5), .expect_state(32'h0),
        .rsp_valid(rsp_valid), .rsp_value(rsp_value), .contexts(contexts)
    );

    always #5 clk = !clk;
    initial begin
        @(negedge clk) rst = 0;
        cmd_valid = 1;
        while (edges < 6) begin
            #4 $display("| %0d | %b | %b | %0d | %b | %h | %h |", edges, cmd_valid, cmd_ready,
                cmd_op, rsp_valid, rsp_value, contexts);
            @(negedge clk) edges = edges + 1;
            if (edges == 1) cmd_valid = 0;
            if (edges == 3) begin
                cmd_valid = 1;
                cmd_op = 2;
            end
            if (edges == 4) cmd_valid = 0;
        end
        $finish;
    end
endmodule
