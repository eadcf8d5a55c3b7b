using System.Diagnostics;
using System.Reflection;

namespace Qanat.Gm.Tests;

/// <summary>The vectors and cross-checks again in child processes, with the runtime's instruction set switches.</summary>
public sealed class Sm4SwitchTests
{
    public const string ForbiddenVariable = "QANAT_TEST_FORBIDDEN_SM4_PATHS";

    [Theory]
    [InlineData("DOTNET_EnableAVX512", "Gfni512,Avx512")]
    [InlineData("DOTNET_EnableGFNI", "Gfni512,Gfni256")]
    [InlineData("DOTNET_EnableAVX2", "Gfni512,Gfni256,Avx512")]
    [InlineData("DOTNET_EnableAES", "Avx512,AesNi")]
    [InlineData("DOTNET_EnableHWIntrinsic", "Gfni512,Gfni256,Avx512,AesNi")]
    public async Task Suite_passes_with_instructions_switched_off(string variable, string forbidden)
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        ProcessStartInfo start = new(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        foreach (string argument in new[] { "-class", typeof(Sm4VectorTests).FullName!, "-class", typeof(Sm4AgreementTests).FullName!, "-noColor" })
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment[variable] = "0";
        start.Environment[ForbiddenVariable] = forbidden;
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync(cancel);
        string output = await child.StandardOutput.ReadToEndAsync(cancel);
        await child.WaitForExitAsync(cancel);
        Assert.True(child.ExitCode == 0, $"{variable}=0 ended with {child.ExitCode}:\n{output}\n{await errors}");
        Assert.DoesNotContain("Total: 0", output, StringComparison.Ordinal);
    }
}
