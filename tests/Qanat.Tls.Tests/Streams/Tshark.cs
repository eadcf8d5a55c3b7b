using System.Diagnostics;

namespace Qanat.Tls.Tests.Streams;

/// <summary>The <c>tshark</c> program of the machine. Missing: the test is skipped with the reason, or fails where everything is required (QANAT_REQUIRE=all).</summary>
internal sealed class Tshark : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-tshark-");

    private Tshark()
    {
    }

    /// <summary>Starts in an empty folder of its own.</summary>
    public static Tshark Require()
    {
        if (Missing() is { } missing)
        {
            if (Environment.GetEnvironmentVariable("QANAT_REQUIRE") == "all")
            {
                Assert.Fail("Required here: " + missing);
            }
            Assert.Skip(missing);
        }
        return new Tshark();
    }

    /// <summary>A file of the folder.</summary>
    public string this[string name] => Path.Combine(_folder.FullName, name);

    /// <summary>Runs it on a capture with a key log; it must succeed.</summary>
    public string Run(string capture, string? keyLog, params string[] arguments)
    {
        string[] keys = keyLog is null ? [] : ["-o", $"tls.keylog_file:{keyLog}"];
        (int code, string output, string errors) = Execute(
            ["-r", capture, "-d", $"tcp.port=={PcapFile.ServerPort},tls", "-d", $"tls.port=={PcapFile.ServerPort},http", .. keys, .. arguments]);
        Assert.True(code == 0, $"tshark {string.Join(' ', arguments)}: {errors}");
        return output;
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static string? Missing()
    {
        try
        {
            (int code, string output, _) = Execute(["--version"]);
            return code == 0 ? null : $"tshark does not run: {output}";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "tshark is not installed";
        }
    }

    private static (int Code, string Output, string Errors) Execute(string[] arguments)
    {
        ProcessStartInfo start = new("tshark", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}
